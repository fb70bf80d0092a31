"""views.open, views.push, views.update and views.publish."""

from sandbox.slack.errors import InvalidArgumentsError, SlackError
from sandbox.slack.methods.call import Call
from sandbox.slack.payloads import shown_view
from sandbox.slack.views import checked_view, open_modal, replace, top
from sandbox.slack.views import publish as publish_home
from sandbox.slack.workspace import Json, View


def _view_argument(call: Call) -> Json:
    view = call.args.structure("view")
    if view is None:
        raise InvalidArgumentsError("missing required field: view")
    if not isinstance(view, dict):
        raise InvalidArgumentsError("must provide an object [json-pointer:/view]")
    return view


def open_(call: Call) -> Json:
    # The view is looked at first: a refused one does not use the trigger up.
    data = checked_view(call.core, _view_argument(call), "modal")
    user = call.core.triggers.exchange(call.args.required("trigger_id"))
    return {"view": shown_view(open_modal(call.core, user, data))}


def push(call: Call) -> Json:
    data = checked_view(call.core, _view_argument(call), "modal")
    user = call.core.triggers.exchange(call.args.required("trigger_id"))
    below = top(call.core, user)
    if below is None:
        raise SlackError("not_found")
    return {"view": shown_view(open_modal(call.core, user, data, above=below))}


def _check_hash(call: Call, view: View) -> None:
    wanted = call.args.text("hash")
    if wanted and wanted != view.data["hash"]:
        raise SlackError("hash_conflict")


def update(call: Call) -> Json:
    given = _view_argument(call)
    view = _named_view(call)
    data = checked_view(call.core, given, "modal", replacing=view)
    _check_hash(call, view)
    replace(call.core, view, data)
    return {"view": shown_view(view)}


def _named_view(call: Call) -> View:
    view_id, external_id = call.args.text("view_id"), call.args.text("external_id")
    if not view_id and not external_id:
        raise InvalidArgumentsError("missing required field: view_id")
    for view in call.workspace.views.values():
        if view.id == view_id or (external_id and view.data["external_id"] == external_id):
            return view
    raise SlackError("not_found")


def publish(call: Call) -> Json:
    data = checked_view(call.core, _view_argument(call), "home")
    user = call.args.required("user_id")
    person = call.workspace.users.get(user)
    if person is None or person.is_bot:
        raise InvalidArgumentsError("invalid `user_id`")
    before = call.workspace.homes.get(user)
    if before is not None:
        _check_hash(call, before)
    return {"view": shown_view(publish_home(call.core, user, data))}
