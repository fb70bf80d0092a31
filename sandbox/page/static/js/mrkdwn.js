// Slack's mrkdwn to nodes. Every character ends in a text node; nothing is ever parsed as HTML.
import { formatTokens, fullText } from "./dates.js";
import { directory } from "./directory.js";
import { h, link, safeUrl } from "./dom.js";
import { emojiFor } from "./emoji.js";

// Tried at each place from left to right. A mark opens only beside a non-word character and before a non-space.
const TOKENS = new RegExp(
  [
    "(?<angle><[^<>\\n]+>)",
    "(?<code>`[^`\\n]+`)",
    "(?<bold>(?<![\\p{L}\\p{N}*])\\*(?=[^\\s*])[^\\n*]*[^\\s*]\\*(?![\\p{L}\\p{N}*])|(?<![\\p{L}\\p{N}*])\\*[^\\s*]\\*(?![\\p{L}\\p{N}*]))",
    "(?<italic>(?<![\\p{L}\\p{N}_])_(?=[^\\s_])[^\\n]*?[^\\s_]_(?![\\p{L}\\p{N}_])|(?<![\\p{L}\\p{N}_])_[^\\s_]_(?![\\p{L}\\p{N}_]))",
    "(?<strike>(?<![\\p{L}\\p{N}~])~(?=[^\\s~])[^\\n~]*[^\\s~]~(?![\\p{L}\\p{N}~])|(?<![\\p{L}\\p{N}~])~[^\\s~]~(?![\\p{L}\\p{N}~]))",
    "(?<emoji>:[a-z0-9_+'-]+(?:::skin-tone-[2-6])?:)",
    "(?<newline>\\n)",
  ].join("|"),
  "gu",
);

/** `&lt;`, `&gt;` and `&amp;`, the three that Slack escapes, once. */
export function unescape(text) {
  return text.replace(/&(lt|gt|amp);/g, (_, name) => ({ lt: "<", gt: ">", amp: "&" })[name]);
}

/** Nodes for a mrkdwn text: preformatted parts, quotes, and lines with their marks. */
export function mrkdwn(text, { verbatim = false } = {}) {
  const nodes = [];
  const parts = String(text ?? "").split(/```\n?([\s\S]*?)```/);
  parts.forEach((part, index) => {
    if (index % 2 === 1) nodes.push(h("pre", { class: "code" }, h("code", {}, preformatted(part.replace(/\n$/, "")))));
    else nodes.push(...quotesAndLines(index === 0 ? part : part.replace(/^\n/, ""), verbatim));
  });
  return nodes;
}

/** Nodes for plain_text: no marks, emoji names if asked for. */
export function plain(text, { emoji = true } = {}) {
  const value = unescape(String(text ?? ""));
  return emoji ? [value.replace(/:([a-z0-9_+'-]+):/g, (whole, name) => emojiFor(name) ?? whole)] : [value];
}

/** Nodes for a text object of either kind. */
export function textNodes(object) {
  if (!object) return [];
  if (object.type === "mrkdwn") return mrkdwn(object.text, { verbatim: object.verbatim === true });
  return plain(object.text, { emoji: object.emoji !== false });
}

/** The words of a text object, for a label or a button's name. */
export function words(object) {
  const holder = h("span", {}, ...textNodes(object));
  return holder.textContent;
}

function preformatted(text) {
  return text.split(/(<[^<>\n]+>)/).map((part, index) => (index % 2 === 1 ? angle(part) : unescape(part)));
}

function quotesAndLines(text, verbatim) {
  if (text === "") return [];
  const nodes = [];
  let quoted = [];
  let lines = [];
  const flushQuote = () => {
    if (quoted.length > 0) nodes.push(h("blockquote", {}, ...inline(quoted.join("\n"), verbatim)));
    quoted = [];
  };
  const flushLines = () => {
    if (lines.length > 0) nodes.push(...inline(lines.join("\n"), verbatim));
    lines = [];
  };
  for (const line of text.split("\n")) {
    const quote = /^(?:&gt;|>)(?!&gt;) ?(.*)$/.exec(line);
    if (quote) {
      flushLines();
      quoted.push(quote[1]);
    } else {
      flushQuote();
      lines.push(line);
    }
  }
  flushQuote();
  flushLines();
  return nodes;
}

function inline(text, verbatim = false) {
  const nodes = [];
  let from = 0;
  for (const match of text.matchAll(TOKENS)) {
    if (match.index > from) nodes.push(...textPart(text.slice(from, match.index), verbatim));
    nodes.push(...token(match.groups, match[0], verbatim));
    from = match.index + match[0].length;
  }
  if (from < text.length) nodes.push(...textPart(text.slice(from), verbatim));
  return nodes;
}

function token(groups, whole, verbatim) {
  const inner = whole.slice(1, -1);
  if (groups.angle) return [angle(whole)];
  if (groups.code) return [h("code", {}, ...preformatted(inner))];
  if (groups.bold) return [h("strong", {}, ...inline(inner, verbatim))];
  if (groups.italic) return [h("em", {}, ...inline(inner, verbatim))];
  if (groups.strike) return [h("s", {}, ...inline(inner, verbatim))];
  if (groups.emoji) return [emojiNode(inner)];
  return [h("br")];
}

/** An emoji with its name for a screen reader, or the name in colons. */
export function emojiNode(name) {
  const character = emojiFor(name);
  if (character === null) return document.createTextNode(`:${name}:`);
  return h("span", { class: "emoji", role: "img", "aria-label": name.replaceAll("_", " ") }, character);
}

function textPart(text, verbatim) {
  if (verbatim) return [unescape(text)];
  // A bare address becomes a link, as in Slack; a closing mark of the sentence is not part of it.
  return text
    .split(/(https?:\/\/[^\s<>"']*[^\s<>"'.,;:!?)\]])/)
    .map((part, index) => (index % 2 === 1 ? link(unescape(part), unescape(part)) : unescape(part)));
}

/** What stands between < and >: a mention, a date, or a link with its label. */
function angle(whole) {
  const body = whole.slice(1, -1);
  const bar = body.indexOf("|");
  const target = bar < 0 ? body : body.slice(0, bar);
  const label = bar < 0 ? null : body.slice(bar + 1);
  const sort = target[0];
  if (sort === "@") return userMention(target.slice(1), label);
  if (sort === "#") return channelMention(target.slice(1), label);
  if (sort === "!") return special(target.slice(1), label);
  const address = unescape(target);
  if (safeUrl(address) === null) return document.createTextNode(unescape(whole));
  return link(address, label === null ? address.replace(/^mailto:/, "") : unescape(label));
}

export function userMention(id, label = null) {
  const known = directory.users.get(id);
  const mine = id === directory.me ? " mention--me" : "";
  return h("span", { class: `mention${mine}` }, `@${known?.name ?? (label ? unescape(label) : id)}`);
}

export function channelMention(id, label = null) {
  const known = directory.channels.get(id);
  return h("span", { class: "mention" }, `#${known?.name ?? (label ? unescape(label) : id)}`);
}

export function groupMention(id, label = null) {
  const handle = directory.groups.get(id) ?? (label ? unescape(label) : id);
  return h("span", { class: "mention" }, `@${handle.replace(/^@/, "")}`);
}

export function broadcast(range) {
  return h("span", { class: "mention mention--all" }, `@${range}`);
}

function special(body, label) {
  const [kind, ...rest] = body.split("^");
  if (["here", "channel", "everyone"].includes(kind)) return broadcast(kind);
  if (kind === "subteam") return groupMention(rest[0] ?? "", label);
  if (kind === "date") return dateNode(rest[0], unescape(rest[1] ?? ""), rest[2], label ? unescape(label) : null);
  return document.createTextNode(label ? unescape(label) : `<${unescape(body)}>`);
}

/** A moment in the reader's zone; the fallback when it is not a number. */
export function dateNode(seconds, format, address, fallback) {
  const date = new Date(Number(seconds) * 1000);
  if (!seconds || Number.isNaN(date.getTime())) return document.createTextNode(fallback ?? "");
  const text = formatTokens(format || "{date_short_pretty} {time}", date);
  const node = h("time", { datetime: date.toISOString(), title: fullText(date) }, text);
  return address ? link(unescape(address), node) : node;
}
