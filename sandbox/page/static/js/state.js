// What this window looks at. The person and the channel stand in the address (#as=…&in=…), so that two
// windows can be two people and a reload stays where it was.
import { directory } from "./directory.js";

export const PERSONAS = [
  { id: "U0ONCALL", name: "Dana", role: "On-call" },
  { id: "U0SRE", name: "Sam", role: "SRE" },
  { id: "U0CTO", name: "Chris", role: "CTO" },
  { id: "U0SEC", name: "Sia", role: "Security" },
  { id: "U0OUT", name: "Olli", role: "Outsider" },
];

export const HOME_CHANNEL = "trading-ops-alerts";

export const state = {
  user: PERSONAS[0].id,
  channel: null,
  thread: null, // ts of the thread that is open, in `channel`
  tab: "messages", // or "home", in the bot's direct messages
  boot: null,
  unread: new Map(), // channel id -> how many
};

/** Reads the address. */
export function fromAddress() {
  const wanted = new URLSearchParams(location.hash.slice(1));
  const user = wanted.get("as");
  if (PERSONAS.some((persona) => persona.id === user)) state.user = user;
  state.channel = wanted.get("in");
}

/** Writes the address, without adding to the history. */
export function toAddress() {
  const address = new URLSearchParams({ as: state.user, ...(state.channel ? { in: state.channel } : {}) });
  history.replaceState(null, "", `#${address}`);
}

/** The channel to show: the one asked for if it can be seen, else #trading-ops-alerts, else the first. */
export function settleChannel() {
  const channels = [...directory.channels.values()];
  const wanted = directory.channels.get(state.channel);
  const fallback = channels.find((channel) => channel.name === HOME_CHANNEL) ?? channels[0];
  state.channel = (wanted ?? fallback)?.id ?? null;
}

export const currentChannel = () => directory.channels.get(state.channel) ?? null;

/** The other person of a direct conversation. */
export const partnerOf = (channel) => directory.users.get((channel.members ?? []).find((id) => id !== directory.me)) ?? null;

/** The bot's direct messages, or null. */
export function botChannel() {
  return [...directory.channels.values()].find((channel) => channel.is_im && partnerOf(channel)?.isBot) ?? null;
}

/** The name a channel goes by in a list. */
export function channelName(channel) {
  if (!channel) return "";
  return channel.is_im ? (partnerOf(channel)?.name ?? "Direct message") : channel.name;
}
