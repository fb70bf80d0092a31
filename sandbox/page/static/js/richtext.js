// rich_text blocks: sections, nested lists, quotes, preformatted text, and the elements in them.
import { h, link } from "./dom.js";
import { broadcast, channelMention, dateNode, emojiNode, groupMention, userMention } from "./mrkdwn.js";

const STYLES = [["code", "code"], ["strike", "s"], ["italic", "em"], ["bold", "strong"], ["underline", "u"]];
const COLOUR = /^#[0-9a-f]{6}$/i;

/** Nodes for a rich_text block. */
export function richText(block) {
  const nodes = [];
  const open = []; // the list at each indent that is being filled
  for (const part of block.elements ?? []) {
    if (part.type === "rich_text_list") nest(part, nodes, open);
    else {
      open.length = 0;
      nodes.push(richPart(part));
    }
  }
  return nodes;
}

function richPart(part) {
  const inner = (part.elements ?? []).map(element);
  if (part.type === "rich_text_preformatted") return h("pre", { class: "code" }, h("code", {}, ...inner.map(breaks)));
  if (part.type === "rich_text_quote") return h("blockquote", {}, ...inner.map(breaks));
  return h("div", { class: "rich-section" }, ...inner.map(breaks));
}

/** Puts a list under the last item of the one that is less indented, as it looks in Slack. */
function nest(part, nodes, open) {
  const depth = part.indent ?? 0;
  const items = (part.elements ?? []).map((item) => h("li", {}, ...(item.elements ?? []).map(element).map(breaks)));
  open.length = Math.min(open.length, depth + 1);
  const kind = part.style === "ordered" ? "OL" : "UL";
  if (open[depth]?.tagName === kind) {
    open[depth].append(...items);
    return;
  }
  const list = h(kind.toLowerCase(), { start: part.offset ? part.offset + 1 : null }, ...items);
  const parent = open.slice(0, depth).findLast((candidate) => candidate?.lastElementChild);
  if (parent) parent.lastElementChild.append(list);
  else nodes.push(list);
  open[depth] = list;
}

function breaks(node) {
  if (typeof node !== "string" || !node.includes("\n")) return node;
  return node.split("\n").flatMap((line, index) => (index === 0 ? [line] : [h("br"), line]));
}

function element(item) {
  const node = bare(item);
  return STYLES.reduce((inner, [style, tag]) => (item.style?.[style] ? h(tag, {}, breaks(inner)) : inner), node);
}

function bare(item) {
  switch (item.type) {
    case "text":
      return item.text;
    case "link":
      return link(item.url, item.text || item.url);
    case "user":
      return userMention(item.user_id);
    case "channel":
      return channelMention(item.channel_id);
    case "usergroup":
      return groupMention(item.usergroup_id);
    case "broadcast":
      return broadcast(item.range);
    case "emoji":
      return emojiNode(item.name);
    case "date":
      return dateNode(item.timestamp, item.format, item.url, item.fallback);
    case "color":
      return colour(item.value);
    default:
      return item.text ?? "";
  }
}

function colour(value) {
  const swatch = h("span", { class: "swatch", "aria-hidden": "true" });
  if (COLOUR.test(value)) swatch.style.backgroundColor = value;
  return h("span", {}, swatch, value);
}
