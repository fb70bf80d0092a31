// Who one is, and where one can go: the personas, the channels, the bot.
import { hueOf, directory } from "./directory.js";
import { h, reconcile } from "./dom.js";
import { icon } from "./icons.js";
import { PERSONAS, botChannel, channelName, state } from "./state.js";

/** The five people, as a group of radio buttons: arrow keys change who one is. */
export function createPersonas(place, onChange) {
  const inputs = PERSONAS.map((persona) => {
    const input = h("input", { type: "radio", name: "persona", value: persona.id, id: `persona-${persona.id}`, class: "visually-hidden", "data-testid": `persona-${persona.id}` });
    input.addEventListener("change", () => onChange(persona.id));
    return input;
  });
  const labels = PERSONAS.map((persona, index) =>
    h(
      "div",
      { class: "persona" },
      inputs[index],
      h(
        "label",
        { for: inputs[index].id, title: `Be ${persona.name}, ${persona.role}` },
        h("span", { class: `avatar hue-${hueOf(persona.id)}`, "aria-hidden": "true" }, persona.name.slice(0, 2)),
        h("span", { class: "persona__text" }, h("span", { class: "persona__name" }, persona.name), h("span", { class: "persona__role" }, persona.role)),
      ),
    ),
  );
  place.replaceChildren(...labels);
  return { show: () => inputs.forEach((input) => (input.checked = input.value === state.user)) };
}

/** The channels and the bot's own entry. */
export function createSidebar(place, { onChannel, onApp }) {
  const channels = h("ul", { class: "channels" });
  const apps = h("ul", { class: "channels" });
  place.replaceChildren(
    h("h2", { class: "sidebar__title" }, "Channels"),
    channels,
    h("h2", { class: "sidebar__title" }, "Apps"),
    apps,
  );
  return {
    show: () => {
      const rooms = [...directory.channels.values()].filter((channel) => !channel.is_im && !channel.is_archived);
      const direct = botChannel();
      const lists = [[channels, rooms, onChannel], [apps, direct ? [direct] : [], onApp]];
      for (const [list, entries, onPick] of lists) {
        reconcile(list, entries, {
          key: (channel) => channel.id,
          signature: (channel) => JSON.stringify([channelName(channel), state.unread.get(channel.id) ?? 0, channel.id === state.channel, channel.is_member]),
          render: (channel) => entry(channel, onPick),
        });
      }
    },
  };
}

function entry(channel, onPick) {
  const unread = state.unread.get(channel.id) ?? 0;
  const current = channel.id === state.channel;
  const sign = channel.is_im ? h("span", { class: "avatar avatar--small hue-bot", "aria-hidden": "true" }, "🤖") : icon(channel.is_private ? "lock" : "hash", 15);
  return h(
    "li",
    {},
    h(
      "button",
      {
        type: "button",
        class: `channel${current ? " is-current" : ""}${unread > 0 ? " is-unread" : ""}`,
        "aria-current": current ? "page" : null,
        "data-testid": `channel-${channel.is_im ? "app" : channel.name}`,
        "data-focus": "channel",
        on: { click: () => onPick(channel) },
      },
      sign,
      h("span", { class: "channel__name" }, channelName(channel)),
      unread > 0 ? h("span", { class: "channel__count", "aria-label": `${unread} unread` }, unread) : null,
    ),
  );
}
