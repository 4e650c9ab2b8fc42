"""How trackers are read and written. Only these modules know PyGithub, GraphQL and jira."""
