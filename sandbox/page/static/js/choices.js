// Selects of every source, radio buttons and checkboxes.
import { confirmed } from "./confirm.js";
import { identity } from "./buttons.js";
import { directory } from "./directory.js";
import { h, uid } from "./dom.js";
import { textNodes, words } from "./mrkdwn.js";
import { filtered, picker, wantsSearch } from "./picker.js";
import { channelName } from "./state.js";

const fromOption = (option) => ({
  key: option.value,
  label: words(option.text),
  node: () => textNodes(option.text),
  description: option.description ? () => textNodes(option.description) : null,
  data: option,
});
const fromId = (id, label) => ({ key: id, label, node: () => [label], data: id });
const userChoice = (id) => fromId(id, directory.users.get(id)?.name ?? id);
const channelChoice = (id) => fromId(id, channelLabel(directory.channels.get(id), id));

// What a select of each source is called in a state, and how what it holds becomes a choice.
const SOURCES = {
  static: { one: "selected_option", many: "selected_options", choice: fromOption },
  external: { one: "selected_option", many: "selected_options", choice: fromOption },
  users: { one: "selected_user", many: "selected_users", choice: userChoice },
  channels: { one: "selected_channel", many: "selected_channels", choice: channelChoice },
  conversations: { one: "selected_conversation", many: "selected_conversations", choice: channelChoice },
};
const INITIAL = {
  static: ["initial_option", "initial_options"],
  external: ["initial_option", "initial_options"],
  users: ["initial_user", "initial_users"],
  channels: ["initial_channel", "initial_channels"],
  conversations: ["initial_conversation", "initial_conversations"],
};

function channelLabel(channel, id) {
  if (!channel) return id;
  return channel.is_im ? channelName(channel) : `#${channel.name}`;
}

/** Any `*_select` element. */
export function selectElement(element, block, host) {
  const [, multi, source] = /^(multi_)?(\w+?)_select$/.exec(element.type);
  const names = SOURCES[source];
  const multiple = Boolean(multi);
  const stateName = multiple ? names.many : names.one;
  const kept = host.kept(block, element)?.[stateName];
  const initial = kept === undefined ? element[INITIAL[source][multiple ? 1 : 0]] : kept;
  const { load, search } = loader(source, element, block, host);
  const control = picker({
    label: host.labelOf(block) || words(element.placeholder) || "Choose",
    placeholder: words(element.placeholder) || "Choose…",
    load,
    search,
    multiple,
    max: element.max_selected_items ?? Infinity,
    chosen: [initial ?? []].flat().filter(Boolean).map(names.choice),
    testid: `action-${element.action_id}`,
    focusKey: `${block.block_id}/${element.action_id}`,
    onChange: async () => {
      if (!(await confirmed(element.confirm))) return;
      const data = control.chosen().map((option) => option.data);
      await host.changed(block, { ...identity(element, block), selected: multiple ? data : data[0] });
    },
  });
  host.field(block, element, {
    focus: control.button,
    read: () => {
      const data = control.chosen().map((option) => option.data);
      return { type: element.type, [stateName]: multiple ? data : (data[0] ?? null) };
    },
  });
  return control.node;
}

function loader(source, element, block, host) {
  if (source === "external") {
    const least = element.min_query_length ?? 3;
    const load = async (text) => (text.length < least ? [] : groupsOf(await host.options({ ...identity(element, block), text })));
    return { load, search: true };
  }
  const groups = knownGroups(source, element);
  return { load: filtered(groups), search: wantsSearch(groups) };
}

function knownGroups(source, element) {
  if (source === "static") return groupsOf(element);
  if (source === "users") return [{ options: [...directory.users.values()].map((user) => userChoice(user.id)) }];
  const channels = [...directory.channels.values()].filter((channel) => source === "conversations" || !channel.is_im);
  return [{ options: channels.map((channel) => channelChoice(channel.id)) }];
}

function groupsOf({ options, option_groups: groups }) {
  if (groups) return groups.map((group) => ({ label: words(group.label), options: group.options.map(fromOption) }));
  return [{ options: (options ?? []).map(fromOption) }];
}

/** Radio buttons: one native input each, so arrow keys work as everywhere. */
export function radioElement(element, block, host) {
  return group(element, block, host, {
    type: "radio",
    initial: () => [host.kept(block, element)?.selected_option ?? element.initial_option].filter(Boolean),
    state: (chosen) => ({ selected_option: chosen[0] ?? null }),
    selected: (chosen) => chosen[0] ?? null,
  });
}

/** Checkboxes. */
export function checkboxesElement(element, block, host) {
  return group(element, block, host, {
    type: "checkbox",
    initial: () => host.kept(block, element)?.selected_options ?? element.initial_options ?? [],
    state: (chosen) => ({ selected_options: chosen }),
    selected: (chosen) => chosen,
  });
}

function group(element, block, host, kind) {
  const name = uid("group");
  const initial = new Set(kind.initial().map((option) => option.value));
  const inputs = element.options.map((option) => h("input", { type: kind.type, name, id: uid("choice"), checked: initial.has(option.value), "data-value": option.value, "data-focus": `${block.block_id}/${element.action_id}/${option.value}` }));
  const chosen = () => element.options.filter((_, index) => inputs[index].checked);
  const rows = element.options.map((option, index) =>
    h(
      "div",
      { class: "choice" },
      inputs[index],
      h("label", { for: inputs[index].id }, ...textNodes(option.text), option.description ? h("small", {}, ...textNodes(option.description)) : null),
    ),
  );
  const role = kind.type === "radio" ? "radiogroup" : "group";
  const node = h("div", { class: "choices", role, "aria-label": host.labelOf(block) ?? "Choices", "data-testid": `action-${element.action_id}` }, ...rows);
  node.addEventListener("change", async () => {
    if (!(await confirmed(element.confirm))) return;
    await host.changed(block, { ...identity(element, block), selected: kind.selected(chosen()) });
  });
  host.field(block, element, { focus: inputs[0], read: () => ({ type: element.type, ...kind.state(chosen()) }) });
  return node;
}
