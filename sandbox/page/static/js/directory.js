// Who and what the ids stand for, and what time it is in the sandbox. Filled at boot and by /control/state.

export const directory = {
  me: null,
  users: new Map(), // id -> {id, name, initials, isBot, title}
  channels: new Map(), // id -> channel as the local Slack tells it
  groups: new Map(), // user group id -> handle
  offsetMs: 0, // how far the sandbox's clock is ahead of this browser's
};

/** The sandbox's present time. */
export function now() {
  return new Date(Date.now() + directory.offsetMs);
}

/** Takes in the answer of /slack/client/boot. */
export function learn(boot) {
  directory.me = boot.me?.id ?? boot.me ?? null;
  directory.users = new Map(boot.users.map((user) => [user.id, personOf(user)]));
  directory.channels = new Map(boot.channels.map((channel) => [channel.id, channel]));
  directory.groups = new Map((boot.usergroups ?? []).map((group) => [group.id, group.handle ?? group.name]));
}

export function nameOf(userId) {
  return directory.users.get(userId)?.name ?? userId;
}

/** Two letters for an avatar. */
export function initialsOf(name) {
  const words = name.replace(/[^\p{L}\p{N} ]/gu, " ").trim().split(/\s+/);
  const letters = words.length > 1 ? words[0][0] + words.at(-1)[0] : (words[0] ?? "?").slice(0, 2);
  return letters.toUpperCase();
}

/** One of eight colours, always the same for the same id. */
export function hueOf(id) {
  let sum = 0;
  for (const character of id) sum = (sum * 31 + character.codePointAt(0)) % 997;
  return sum % 8;
}

function personOf(user) {
  const profile = user.profile ?? {};
  const name = profile.display_name || profile.real_name || user.real_name || user.name || user.id;
  return { id: user.id, name, initials: initialsOf(name), isBot: Boolean(user.is_bot), title: profile.title ?? "" };
}
