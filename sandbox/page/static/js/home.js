// The bot's App Home tab.
import { slack, troubleOf } from "./api.js";
import { blockNodes, plainHost } from "./blocks.js";
import { h, replaceKeepingFocus } from "./dom.js";
import { state } from "./state.js";
import { toast } from "./toast.js";

/** The home tab's pane; `show(view)` renders what the bot has published. */
export function createHome(pane) {
  let content = h("div", { class: "home__view" });
  let shown = null;
  pane.replaceChildren(content);
  const say = (outcome) => {
    const trouble = troubleOf(outcome);
    if (trouble) toast(trouble, "error");
    return outcome;
  };
  const host = () =>
    plainHost({
      act: async (action) => say(await slack.action({ user: state.user, home: true, ...action })),
      options: (request) => slack.options({ user: state.user, home: true, ...request }),
    });
  let latest = null;
  let visible = false;
  const render = () => {
    // What nobody sees is not in the page: its buttons would only be in the way of a search for one.
    const signature = visible ? JSON.stringify(latest) : null;
    if (signature === shown) return;
    shown = signature;
    const fresh = !visible
      ? h("div")
      : latest
        ? h("div", { class: "home__view", "data-testid": "home" }, ...blockNodes(latest.blocks, host()))
        : h("div", { class: "home__view" }, h("p", { class: "empty" }, "The bot has not published a home tab for you yet."));
    replaceKeepingFocus(content, fresh);
    content = fresh;
  };
  const show = (view) => {
    latest = view ?? null;
    render();
  };
  const setVisible = (on) => {
    visible = on;
    render();
  };
  return { show, setVisible, open: async () => say(await slack.openHome({ user: state.user })) };
}
