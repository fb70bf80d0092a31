// Line drawings on a 24 × 24 grid.
import { svg } from "./dom.js";

const PATHS = {
  close: ["M6 6l12 12", "M18 6L6 18"],
  eye: ["M2 12s3.5-7 10-7 10 7 10 7-3.5 7-10 7S2 12 2 12z", "M12 9a3 3 0 100 6 3 3 0 000-6z"],
  send: ["M4 12l16-8-6 16-3-7-7-1z"],
  thread: ["M4 5h16v11H9l-5 4V5z", "M8 9h8", "M8 12h5"],
  smile: ["M12 3a9 9 0 100 18 9 9 0 000-18z", "M8.5 14.5c1 1.4 2.1 2 3.5 2s2.5-.6 3.5-2", "M9 9.5v.5", "M15 9.5v.5"],
  globe: ["M12 3a9 9 0 100 18 9 9 0 000-18z", "M3 12h18", "M12 3c3 3 3.5 6 3.5 9s-.5 6-3.5 9c-3-3-3.5-6-3.5-9s.5-6 3.5-9z"],
  hash: ["M9 4L7 20", "M17 4l-2 16", "M4 9h16", "M3 15h16"],
  lock: ["M6 11h12v9H6z", "M8.5 11V8a3.5 3.5 0 017 0v3"],
  more: ["M5 12h.01", "M12 12h.01", "M19 12h.01"],
  down: ["M6 9l6 6 6-6"],
  check: ["M5 12.5l4.5 4.5L19 7.5"],
  file: ["M6 3h8l4 4v14H6z", "M14 3v4h4"],
  back: ["M15 5l-7 7 7 7"],
  chat: ["M4 5h16v11H9l-5 4V5z"],
  list: ["M4 7h16", "M4 12h16", "M4 17h16"],
  clock: ["M12 3a9 9 0 100 18 9 9 0 000-18z", "M12 7v5l3 2"],
  link: ["M14 4h6v6", "M20 4l-9 9", "M18 14v6H4V6h6"],
};

/** One of the drawings above, by name. */
export function icon(name, size) {
  return svg(PATHS[name] ?? [], size);
}
