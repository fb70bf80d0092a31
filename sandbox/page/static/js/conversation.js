// The list of messages of a channel, and the thread beside it.
import { slack, troubleOf } from "./api.js";
import { createComposer } from "./composer.js";
import { dateOfTs, dayKey, dayText } from "./dates.js";
import { debounce, h, reconcile } from "./dom.js";
import { icon } from "./icons.js";
import { messageNode } from "./message.js";
import { channelName, currentChannel, state } from "./state.js";

const REFRESH_MS = 40; // several events at once become one look
const NEAR_BOTTOM = 80;

/** A list that follows its end unless the person has scrolled up. */
function messageList(list, { inThread, openThread }) {
  let pinned = true;
  list.addEventListener("scroll", () => (pinned = list.scrollHeight - list.scrollTop - list.clientHeight < NEAR_BOTTOM));
  const toEnd = () => (list.scrollTop = list.scrollHeight);
  new ResizeObserver(() => pinned && toEnd()).observe(list);
  return {
    reset: () => {
      pinned = true;
      list.replaceChildren();
    },
    show: (messages, empty) => {
      const items = messages.length > 0 ? withDays(messages) : [{ empty }];
      reconcile(list, items, {
        key: (item) => item.day ?? (item.empty ? "empty" : `m${item.message.ts}${item.message.is_ephemeral ? "e" : ""}`),
        signature: (item) => (item.message ? JSON.stringify(item.message) : (item.label ?? item.empty)),
        render: (item) => rowNode(item, { inThread, openThread }),
      });
      if (pinned) toEnd();
    },
    toEnd: () => {
      pinned = true;
      toEnd();
    },
  };
}

function rowNode(item, options) {
  if (item.message) return messageNode(item.message, options);
  if (item.empty) return h("p", { class: "empty" }, item.empty);
  return h("div", { class: "dayline", role: "separator", "aria-label": item.label }, h("span", {}, item.label));
}

function withDays(messages) {
  const items = [];
  let day = null;
  for (const message of messages) {
    const date = dateOfTs(message.ts);
    if (dayKey(date) !== day) {
      day = dayKey(date);
      items.push({ day: `day-${day}`, label: dayText(date) });
    }
    items.push({ message });
  }
  return items;
}

const inChannel = (message) => !message.thread_ts || message.thread_ts === message.ts || message.subtype === "thread_broadcast";

/** The main column. */
export function createConversation({ list, composerPlace, openThread }) {
  const view = messageList(list, { inThread: false, openThread });
  const composer = createComposer({
    testid: "composer",
    commands: true,
    onSent: view.toEnd,
    target: () => ({ channel: state.channel }),
  });
  composerPlace.replaceChildren(composer.node);
  let shown = null;
  let looks = 0;
  const refresh = async () => {
    const { channel, user } = state;
    if (!channel) return;
    looks += 1;
    const mine = looks;
    const answer = await slack.messages(user, channel);
    // A later look has overtaken this one, or the person has gone elsewhere meanwhile.
    if (mine !== looks || channel !== state.channel || user !== state.user) return;
    if (shown !== `${user}/${channel}`) view.reset();
    shown = `${user}/${channel}`;
    const messages = (answer.messages ?? []).filter(inChannel).map((message) => ({ ...message, channel }));
    view.show(messages, troubleOf(answer) ?? "No messages here yet. Type /ats help, or raise an alert in The world.");
  };
  const arrive = () => composer.setPlaceholder(`Message ${currentChannel()?.is_im ? "" : "#"}${channelName(currentChannel())}`);
  return { refresh: debounce(REFRESH_MS, refresh), refreshNow: refresh, arrive, focus: composer.focus };
}

/** The thread, beside the channel or over it. */
export function createThread({ pane, onClose }) {
  const list = h("div", { class: "messages", role: "log", "aria-label": "Replies", tabindex: "0", "data-testid": "thread-messages" });
  const title = h("h2", { class: "pane__title", tabindex: "-1" }, "Thread");
  const closer = h("button", { type: "button", class: "iconbutton", "aria-label": "Close thread", "data-testid": "thread-close" }, icon("close"));
  const view = messageList(list, { inThread: true, openThread: null });
  const composer = createComposer({
    testid: "thread-composer",
    commands: false,
    onSent: view.toEnd,
    target: () => ({ channel: state.channel, thread_ts: state.thread }),
  });
  composer.setPlaceholder("Reply…");
  const subtitle = h("span", { class: "pane__subtitle" });
  pane.replaceChildren(h("header", { class: "pane__head" }, h("div", {}, title, subtitle), closer), list, composer.node);
  let returnTo = null;
  let shown = null;
  let looks = 0;
  const close = () => {
    if (!state.thread) return;
    state.thread = null;
    shown = null;
    pane.hidden = true;
    view.reset(); // what nobody sees is not in the page
    onClose();
    if (returnTo?.isConnected) returnTo.focus({ preventScroll: true });
  };
  const refresh = async () => {
    const { user, channel, thread } = state;
    if (!thread) return;
    looks += 1;
    const mine = looks;
    const answer = await slack.messages(user, channel, thread);
    if (mine !== looks || thread !== state.thread || channel !== state.channel) return;
    if (shown !== thread) view.reset();
    shown = thread;
    view.show((answer.messages ?? []).map((message) => ({ ...message, channel })), troubleOf(answer) ?? "No replies yet.");
  };
  closer.addEventListener("click", close);
  pane.addEventListener("keydown", (event) => event.key === "Escape" && !event.defaultPrevented && close());
  const open = async (ts) => {
    returnTo = document.activeElement;
    state.thread = ts;
    subtitle.textContent = channelName(currentChannel());
    pane.hidden = false;
    await refresh();
    composer.focus();
  };
  return { open, close, refresh: debounce(REFRESH_MS, refresh) };
}
