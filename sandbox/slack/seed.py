"""The workspace that the demo, the drills and most tests begin with."""

from sandbox.slack.workspace import Workspace

ON_CALL, SRE, CTO, SECURITY, OUTSIDER = "U0ONCALL", "U0SRE", "U0CTO", "U0SEC", "U0OUT"
PERSONAS = (ON_CALL, SRE, CTO, SECURITY, OUTSIDER)
OPS_CHANNEL, GENERAL, EXEC = "C0OPS", "C0GEN", "C0PRIV"


def default_workspace() -> Workspace:
    """Five people of one team, their channels and user groups; the bot is in none of the channels yet."""
    workspace = Workspace()
    workspace.add_user(ON_CALL, "dana", "Dana Ortiz", "dana.oncall@ats.example", is_admin=True)
    workspace.add_user(SRE, "sam", "Sam Reyes", "sam.sre@ats.example")
    workspace.add_user(CTO, "chris", "Chris Tan", "chris.cto@ats.example")
    workspace.add_user(SECURITY, "sia", "Sia Novak", "sia.security@ats.example")
    workspace.add_user(OUTSIDER, "olli", "Olli Vance", "olli.sales@ats.example")
    workspace.add_user(workspace.bot_user, "ats-bot", "ats-bot", is_bot=True)
    workspace.add_channel(OPS_CHANNEL, "trading-ops-alerts", members=PERSONAS)
    workspace.add_channel(GENERAL, "general", members=PERSONAS)
    workspace.add_channel(EXEC, "exec-private", private=True, members=[CTO])
    workspace.add_usergroup("S0DEVOPS", "devops-lead", [ON_CALL], name="DevOps Lead")
    workspace.add_usergroup("S0SRE", "sre-team", [SRE], name="SRE Team")
    workspace.add_usergroup("S0CTO", "cto", [CTO], name="CTO")
    workspace.add_usergroup("S0SEC", "security-team", [SECURITY], name="Security Team")
    return workspace
