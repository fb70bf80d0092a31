// One message: who, when, its blocks, files, reactions, and the way into its thread.
import { slack, troubleOf } from "./api.js";
import { blockNodes, picture, plainHost } from "./blocks.js";
import { dateOfTs, fullText, timeText, whenText } from "./dates.js";
import { directory, hueOf, initialsOf } from "./directory.js";
import { h, link } from "./dom.js";
import { QUICK_REACTIONS, emojiFor } from "./emoji.js";
import { icon } from "./icons.js";
import { mrkdwn } from "./mrkdwn.js";
import { attachPopup } from "./popup.js";
import { state } from "./state.js";
import { toast } from "./toast.js";

const COLOUR = /^#?[0-9a-f]{6}$/i;
const NAMED_COLOURS = { good: "#2eb67d", warning: "#daa038", danger: "#d5323f" };

/** A round picture with two letters, or a robot. */
export function avatar(id, name, isBot = false) {
  return h("span", { class: `avatar hue-${isBot ? "bot" : hueOf(id)}`, "aria-hidden": "true" }, isBot ? "🤖" : initialsOf(name));
}

// What Slack itself writes: somebody joined, the topic changed.
const SYSTEM = /^(channel|group)_(join|leave|topic|purpose|name|archive|unarchive)$/;

export const isSystem = (message) => SYSTEM.test(message.subtype ?? "");

/** The node of a message; `inThread` leaves out the bar that leads to its replies. */
export function messageNode(message, { inThread = false, openThread }) {
  const author = authorOf(message);
  const date = dateOfTs(message.ts);
  const ephemeral = message.is_ephemeral === true;
  if (isSystem(message)) return systemNode(message, date);
  return h(
    "article",
    {
      class: `message${ephemeral ? " message--ephemeral" : ""}`,
      "data-testid": "message",
      "data-ts": message.ts,
      "aria-label": `${author.name}, ${timeText(date)}`,
    },
    ephemeral ? h("div", { class: "message__only" }, icon("eye", 14), "Only visible to you") : null,
    avatar(author.id, author.name, author.isBot),
    h("div", { class: "message__main" }, head(message, author, date), body(message), files(message), reactions(message), inThread ? null : threadBar(message, openThread)),
    ephemeral ? null : tools(message, inThread ? null : openThread),
  );
}

function systemNode(message, date) {
  return h("p", { class: "systemline", "data-testid": "system-message" }, ...mrkdwn(message.text), " ", h("time", { datetime: date.toISOString(), title: fullText(date) }, timeText(date)));
}

function authorOf(message) {
  const known = directory.users.get(message.user);
  const isBot = Boolean(message.bot_id || known?.isBot);
  const name = message.username || known?.name || message.bot_profile?.name || (isBot ? "bot" : (message.user ?? "Slack"));
  return { id: message.user ?? message.bot_id ?? "?", name, isBot };
}

function head(message, author, date) {
  return h(
    "div",
    { class: "message__head" },
    h("strong", { class: "message__author" }, author.name),
    author.isBot ? h("span", { class: "badge" }, "APP") : null,
    h("time", { class: "message__time", datetime: date.toISOString(), title: fullText(date) }, timeText(date)),
    message.edited ? h("span", { class: "message__edited" }, "(edited)") : null,
  );
}

function body(message) {
  const host = plainHost({
    act: (action) => act(message, action),
    options: (request) => slack.options({ user: state.user, channel: message.channel, ts: message.ts, ...request }),
  });
  const blocks = message.blocks?.length > 0 ? blockNodes(message.blocks, host) : [h("div", { class: "text" }, ...mrkdwn(message.text))];
  return h("div", { class: "message__body" }, ...blocks, ...(message.attachments ?? []).map((one) => attachment(one, host)));
}

async function act(message, action) {
  const outcome = await slack.action({ user: state.user, channel: message.channel, ts: message.ts, ...action });
  const trouble = troubleOf(outcome);
  if (trouble) toast(trouble, "error");
  return outcome;
}

function attachment(one, host) {
  const content = one.blocks?.length > 0
    ? blockNodes(one.blocks, host)
    : [
        one.pretext ? h("div", { class: "text" }, ...mrkdwn(one.pretext)) : null,
        one.title ? h("strong", {}, one.title_link ? link(one.title_link, ...mrkdwn(one.title)) : mrkdwn(one.title)) : null,
        h("div", { class: "text" }, ...mrkdwn(one.text ?? one.fallback ?? "")),
      ];
  const node = h("div", { class: "attachment" }, ...content);
  const colour = NAMED_COLOURS[one.color] ?? (COLOUR.test(one.color ?? "") ? `#${one.color.replace("#", "")}` : null);
  if (colour) node.style.borderInlineStartColor = colour;
  return node;
}

function files(message) {
  const list = (message.files ?? []).map((file) => {
    const address = `/slack/client/files/${encodeURIComponent(file.id)}`;
    const name = file.title || file.name || file.id;
    const isPicture = (file.mimetype ?? "").startsWith("image/");
    const shown = isPicture ? picture(address, file.alt_txt || name, "b-image__picture") : icon("file", 20);
    return h("li", { class: isPicture ? "file file--picture" : "file" }, h("a", { href: address, target: "_blank", rel: "noopener noreferrer", class: "file__link", "data-testid": "file" }, shown, h("span", {}, name)));
  });
  return list.length > 0 ? h("ul", { class: "files" }, ...list) : null;
}

function reactions(message) {
  const list = (message.reactions ?? []).map((reaction) => {
    const mine = reaction.users?.includes(state.user);
    const names = (reaction.users ?? []).map((id) => directory.users.get(id)?.name ?? id).join(", ");
    return h(
      "button",
      {
        type: "button",
        class: `reaction${mine ? " is-mine" : ""}`,
        "aria-pressed": String(Boolean(mine)),
        "aria-label": `${reaction.name.replaceAll("_", " ")}, ${names}`,
        title: names,
        on: mine ? {} : { click: () => react(message, reaction.name) },
      },
      emojiFor(reaction.name) ?? `:${reaction.name}:`,
      h("span", {}, reaction.count ?? reaction.users?.length ?? 1),
    );
  });
  return list.length > 0 ? h("div", { class: "reactions" }, ...list) : null;
}

async function react(message, name) {
  const outcome = await slack.react({ user: state.user, channel: message.channel, ts: message.ts, name });
  const trouble = troubleOf(outcome);
  if (trouble) toast(trouble, "error");
}

function threadBar(message, openThread) {
  const count = message.reply_count ?? 0;
  if (count === 0) return null;
  const last = message.latest_reply ? `Last reply ${whenText(dateOfTs(message.latest_reply))}` : "";
  return h(
    "button",
    { type: "button", class: "threadbar", "data-testid": "thread-open", "data-focus": "thread", on: { click: () => openThread(message.ts) } },
    h("span", { class: "threadbar__count" }, `${count} ${count === 1 ? "reply" : "replies"}`),
    h("span", { class: "threadbar__last" }, last),
  );
}

function tools(message, openThread) {
  const smile = h("button", { type: "button", class: "iconbutton", "aria-label": "Add reaction", title: "Add reaction", "data-focus": "react" }, icon("smile"));
  const popup = attachPopup(smile, {
    kind: "menu",
    label: "Reactions",
    fill: (panel) =>
      panel.replaceChildren(
        h("div", { class: "quick" }, ...QUICK_REACTIONS.map((name) => h("button", { type: "button", class: "quick__emoji", "aria-label": name.replaceAll("_", " "), on: { click: () => (popup.close(), react(message, name)) } }, emojiFor(name)))),
      ),
  });
  const reply = openThread
    ? h("button", { type: "button", class: "iconbutton", "aria-label": "Reply in thread", title: "Reply in thread", "data-testid": "reply", "data-focus": "reply", on: { click: () => openThread(message.ts) } }, icon("thread"))
    : null;
  return h("div", { class: "message__tools" }, h("span", { class: "picker" }, smile, popup.panel), reply);
}
