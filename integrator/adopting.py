"""Which policy a database is worked on with: the newest one to come; then every known issue is looked at again.

Many issues are made due a portion at a time, each in a transaction of its own: deliveries have to get in between.
"""

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from integrator.store import Store
from integrator.subjects import ANY_ROUND
from integrator.tables import agenda, facts

POLICY, REACHED = "policy", "policy: made due up to"
AT_ONCE = 1000  # subjects


class OtherPolicy(Exception):
    """Another process runs a newer policy on this database; this one must stop working."""


def current(conn: Connection) -> str | None:
    """The hash of the policy that is worked with."""
    return _fact(conn, POLICY)


def check(conn: Connection, policy_hash: str) -> None:
    """OtherPolicy unless this is the current one."""
    if policy_hash and current(conn) != policy_hash:
        raise OtherPolicy("another process works with a newer app.yaml on this database; restart this one")


def adopt(store: Store, policy_hash: str, sweep: int) -> bool:
    """Make this the current policy, and all that waits for nothing due in the lane `sweep`; False if it was already.

    What a process was killed over the next one goes on with.
    """

    def begin(conn: Connection) -> bool:
        if current(conn) == policy_hash:
            return False
        _set(store, conn, POLICY, policy_hash)
        _set(store, conn, REACHED, "")
        return True

    is_new = store.write(begin)
    while store.write(lambda conn: _make_due(store, conn, sweep, store.now())):
        pass
    return is_new


def _make_due(store: Store, conn: Connection, sweep: int, now: datetime) -> bool:
    """The next portion, in the order of names, as deliveries touch them; False when there is none."""
    reached = conn.execute(sa.select(facts.c.value).where(facts.c.name == REACHED).with_for_update()).scalar()
    if reached is None:
        return False
    following = sa.select(agenda.c.subject).where(agenda.c.subject > reached).order_by(agenda.c.subject).limit(AT_ONCE)
    subjects = conn.scalars(following.with_for_update()).all()
    if not subjects:
        conn.execute(sa.delete(facts).where(facts.c.name == REACHED))
        return False
    idle = (agenda.c.look_at.is_(None) | (agenda.c.look_at > now)) & agenda.c.subject.not_like(ANY_ROUND)
    lane = sa.case((agenda.c.look_at.is_(None), sweep), else_=agenda.c.lane)
    due = sa.update(agenda).where(agenda.c.subject.in_(subjects), idle)
    conn.execute(due.values(look_at=now, lane=lane, seq=agenda.c.seq + 1))
    _set(store, conn, REACHED, subjects[-1])
    return True


def _fact(conn: Connection, name: str) -> str | None:
    return conn.execute(sa.select(facts.c.value).where(facts.c.name == name)).scalar()


def _set(store: Store, conn: Connection, name: str, value: str) -> None:
    insert = store.upsert(facts).values(name=name, value=value)
    conn.execute(insert.on_conflict_do_update(index_elements=["name"], set_={"value": value}))
