"""users.* and usergroups.*."""

from sandbox.slack.errors import SlackError
from sandbox.slack.methods.call import Call
from sandbox.slack.workspace import Json, User, UserGroup


def shown_user(call: Call, user: User) -> Json:
    """The user object; the e-mail address only with users:read.email."""
    profile: Json = {
        "real_name": user.real_name,
        "real_name_normalized": user.real_name,
        "display_name": user.name,
        "display_name_normalized": user.name,
        "title": "",
        "status_text": "",
        "status_emoji": "",
        "avatar_hash": "g" + user.id.lower(),
        "team": call.workspace.team_id,
    }
    if user.email and "users:read.email" in call.core.scopes:
        profile["email"] = user.email
    if user.bot_id:
        profile |= {"bot_id": user.bot_id, "api_app_id": call.workspace.app_id}
    data: Json = {
        "id": user.id,
        "team_id": call.workspace.team_id,
        "name": user.name,
        "deleted": user.deleted,
        "profile": profile,
        "is_bot": user.is_bot,
        "is_app_user": False,
        "updated": 0,
    }
    if user.deleted:
        return data
    return data | {
        "real_name": user.real_name,
        "tz": user.tz,
        "tz_label": "Coordinated Universal Time",
        "tz_offset": 0,
        "color": "9f69e7",
        "is_admin": user.is_admin,
        "is_owner": False,
        "is_primary_owner": False,
        "is_restricted": False,
        "is_ultra_restricted": False,
    }


def info(call: Call) -> Json:
    call.require_scope()
    user = call.workspace.users.get(call.args.required("user"))
    if user is None:
        raise SlackError("user_not_found")
    return {"user": shown_user(call, user)}


def list_(call: Call) -> Json:
    call.require_scope()
    everyone = list(call.workspace.users.values())
    # Slack gives everyone at once when no limit is asked for.
    page, metadata = call.page(everyone, default=max(1, len(everyone)))
    return {
        "members": [shown_user(call, user) for user in page],
        "cache_ts": int(call.core.now().timestamp()),
        "response_metadata": metadata,
    }


def lookup_by_email(call: Call) -> Json:
    call.require_scope()
    email = call.args.required("email").lower()
    for user in call.workspace.users.values():
        if user.email.lower() == email and not user.deleted:
            return {"user": shown_user(call, user)}
    raise SlackError("users_not_found")


def _shown_group(call: Call, group: UserGroup) -> Json:
    data: Json = {
        "id": group.id,
        "team_id": call.workspace.team_id,
        "is_usergroup": True,
        "is_subteam": True,
        "name": group.name,
        "description": "",
        "handle": group.handle,
        "is_external": False,
        "date_create": 0,
        "date_update": 0,
        "date_delete": 1 if group.disabled else 0,
        "auto_type": None,
        "created_by": "",
        "updated_by": "",
        "deleted_by": None,
        "prefs": {"channels": [], "groups": []},
    }
    if call.args.flag("include_users"):
        data["users"] = list(group.users)
    if call.args.flag("include_count"):
        data["user_count"] = len(group.users)
    return data


def usergroups_list(call: Call) -> Json:
    call.require_scope()
    disabled = call.args.flag("include_disabled")
    groups = [group for group in call.workspace.usergroups.values() if disabled or not group.disabled]
    return {"usergroups": [_shown_group(call, group) for group in groups]}


def usergroups_users_list(call: Call) -> Json:
    call.require_scope()
    group = call.workspace.usergroups.get(call.args.required("usergroup"))
    if group is None or (group.disabled and not call.args.flag("include_disabled")):
        raise SlackError("no_such_subteam")
    return {"users": list(group.users)}
