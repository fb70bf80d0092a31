"""api.test, auth.test, apps.connections.open and team.info."""

from urllib.parse import urlencode

from sandbox.slack.errors import SlackError
from sandbox.slack.methods.call import Call
from sandbox.slack.socketmode import SocketTransport
from sandbox.slack.workspace import Json


def api_test(call: Call) -> Json:
    error = call.args.text("error")
    if error:
        raise SlackError(error, args=call.args.values)
    return {"args": {key: value for key, value in call.args.values.items() if key != "token"}}


def auth_test(call: Call) -> Json:
    workspace = call.workspace
    return {
        "url": f"{call.core.public_url}/",
        "team": workspace.name,
        "user": workspace.users[call.bot].name,
        "team_id": workspace.team_id,
        "user_id": call.bot,
        "bot_id": workspace.bot_id,
        "is_enterprise_install": False,
    }


def connections_open(call: Call) -> Json:
    transport = call.core.deliveries.transport
    if not isinstance(transport, SocketTransport):
        raise SlackError("forbidden_team")
    query = urlencode({"ticket": transport.issue_ticket(), "app_id": call.workspace.app_id})
    base = call.core.public_url.replace("http", "ws", 1)
    return {"url": f"{base}/socket?{query}"}


def team_info(call: Call) -> Json:
    workspace = call.workspace
    team = {
        "id": workspace.team_id,
        "name": workspace.name,
        "url": f"{call.core.public_url}/",
        "domain": workspace.domain,
        "email_domain": "ats.example",
        "icon": {"image_default": True},
        "is_verified": False,
    }
    return {"team": team}
