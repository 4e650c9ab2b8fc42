"""The GitHub issue form that asks the triage checklist: its headings are the ones the triage reads."""

from io import StringIO
from typing import Any

from ruamel.yaml import YAML

from mapping.policy import Policy
from mapping.triage import QUESTIONS, Question

PATH = ".github/ISSUE_TEMPLATE/emergency.yml"
NOT_SURE = "Not sure"


def issue_form(policy: Policy) -> str:
    """The form as YAML. The first option is always "Not sure", preselected: nobody reports P0 by accident."""
    form = {
        "name": "Customer emergency",
        "description": "A customer is hurt right now. The answers decide how severe it is.",
        "body": [
            {"type": "textarea", "id": "happened", "attributes": {"label": "What happened?"}},
            *(_field(question, policy.triage.headings.get(question.key, question.heading)) for question in QUESTIONS),
        ],
    }
    text = StringIO()
    yaml = YAML()
    yaml.default_flow_style = False
    yaml.dump(form, text)
    return text.getvalue()


def _field(question: Question, heading: str) -> dict[str, Any]:
    if not question.choices:
        return {"type": "input", "id": question.key, "attributes": {"label": heading}}
    options = [NOT_SURE, *question.choices.values()]
    attributes = {"label": heading, "options": options, "default": 0}
    return {"type": "dropdown", "id": question.key, "attributes": attributes}
