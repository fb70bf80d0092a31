// The emoji names that incident work uses, and the common ones; an unknown name is shown as it was written.

const NAMES = {
  "+1": "👍", "-1": "👎", thumbsup: "👍", thumbsdown: "👎", ok_hand: "👌", wave: "👋", raised_hands: "🙌",
  clap: "👏", pray: "🙏", eyes: "👀", muscle: "💪", point_right: "👉", point_left: "👈", point_up: "☝️",
  point_down: "👇", raised_hand: "✋", hand: "✋", handshake: "🤝", writing_hand: "✍️",
  white_check_mark: "✅", heavy_check_mark: "✔️", ballot_box_with_check: "☑️", x: "❌", negative_squared_cross_mark: "❎",
  warning: "⚠️", no_entry: "⛔", no_entry_sign: "🚫", octagonal_sign: "🛑", stop_sign: "🛑", exclamation: "❗",
  heavy_exclamation_mark: "❗", bangbang: "‼️", question: "❓", grey_question: "❔", grey_exclamation: "❕",
  information_source: "ℹ️", rotating_light: "🚨", fire: "🔥", boom: "💥", zap: "⚡", sos: "🆘", ambulance: "🚑",
  fire_engine: "🚒", police_car: "🚓", siren: "🚨", bell: "🔔", no_bell: "🔕", loudspeaker: "📢", mega: "📣", speaker: "🔈",
  mute: "🔇", red_circle: "🔴", large_orange_circle: "🟠", orange_circle: "🟠", large_yellow_circle: "🟡",
  yellow_circle: "🟡", large_green_circle: "🟢", green_circle: "🟢", large_blue_circle: "🔵", blue_circle: "🔵",
  large_purple_circle: "🟣", purple_circle: "🟣", large_brown_circle: "🟤", white_circle: "⚪", black_circle: "⚫",
  large_red_square: "🟥", red_square: "🟥", orange_square: "🟧", large_orange_square: "🟧", yellow_square: "🟨",
  large_yellow_square: "🟨", green_square: "🟩", large_green_square: "🟩", large_blue_square: "🟦", white_large_square: "⬜",
  black_large_square: "⬛", white_small_square: "▫️", black_small_square: "▪️", small_red_triangle: "🔺",
  small_red_triangle_down: "🔻", large_blue_diamond: "🔷", large_orange_diamond: "🔶", small_blue_diamond: "🔹",
  small_orange_diamond: "🔸", radio_button: "🔘", heavy_minus_sign: "➖", heavy_plus_sign: "➕", heavy_multiplication_x: "✖️",
  arrow_up: "⬆️", arrow_down: "⬇️", arrow_left: "⬅️", arrow_right: "➡️", arrow_up_small: "🔼", arrow_down_small: "🔽",
  arrow_upper_right: "↗️", arrow_lower_right: "↘️", arrow_forward: "▶️", arrow_backward: "◀️", fast_forward: "⏩",
  rewind: "⏪", double_vertical_bar: "⏸️", pause_button: "⏸️", black_square_for_stop: "⏹️", stop_button: "⏹️",
  arrows_counterclockwise: "🔄", arrows_clockwise: "🔃", repeat: "🔁", leftwards_arrow_with_hook: "↩️",
  arrow_right_hook: "↪️", twisted_rightwards_arrows: "🔀", back: "🔙", soon: "🔜", new: "🆕", ok: "🆗", up: "🆙",
  clock1: "🕐", clock3: "🕒", clock12: "🕛", alarm_clock: "⏰", stopwatch: "⏱️", timer_clock: "⏲️", watch: "⌚",
  hourglass: "⌛", hourglass_flowing_sand: "⏳", calendar: "📅", date: "📅", spiral_calendar_pad: "🗓️", zzz: "💤", sleeping: "😴",
  phone: "☎️", telephone: "☎️", telephone_receiver: "📞", pager: "📟", iphone: "📱", email: "📧", envelope: "✉️",
  incoming_envelope: "📨", inbox_tray: "📥", outbox_tray: "📤", mailbox: "📫", speech_balloon: "💬", left_speech_bubble: "🗨️",
  thought_balloon: "💭", memo: "📝", pencil: "📝", pencil2: "✏️", clipboard: "📋", pushpin: "📌", round_pushpin: "📍",
  paperclip: "📎", book: "📖", open_book: "📖", books: "📚", notebook: "📓", ledger: "📒", blue_book: "📘", green_book: "📗",
  orange_book: "📙", closed_book: "📕", bookmark: "🔖", bookmark_tabs: "📑", page_facing_up: "📄", page_with_curl: "📃",
  scroll: "📜", newspaper: "📰", file_folder: "📁", open_file_folder: "📂", card_index_dividers: "🗂️", file_cabinet: "🗄️",
  wastebasket: "🗑️", chart_with_upwards_trend: "📈", chart_with_downwards_trend: "📉", bar_chart: "📊", mag: "🔍",
  mag_right: "🔎", microscope: "🔬", telescope: "🔭", stethoscope: "🩺", thermometer: "🌡️", syringe: "💉", pill: "💊",
  lock: "🔒", unlock: "🔓", closed_lock_with_key: "🔐", key: "🔑", old_key: "🗝️", shield: "🛡️", passport_control: "🛂",
  link: "🔗", wrench: "🔧", hammer: "🔨", hammer_and_wrench: "🛠️", gear: "⚙️", nut_and_bolt: "🔩", toolbox: "🧰",
  electric_plug: "🔌", battery: "🔋", bulb: "💡", flashlight: "🔦", computer: "💻", desktop_computer: "🖥️", keyboard: "⌨️",
  printer: "🖨️", floppy_disk: "💾", minidisc: "💽", cd: "💿", satellite: "📡", satellite_antenna: "📡", package: "📦",
  whale: "🐳", elephant: "🐘", snake: "🐍", bug: "🐛", ant: "🐜", robot_face: "🤖", robot: "🤖", ghost: "👻", skull: "💀",
  rocket: "🚀", airplane: "✈️", ship: "🚢", anchor: "⚓", construction: "🚧", checkered_flag: "🏁", flag: "🚩",
  triangular_flag_on_post: "🚩", vertical_traffic_light: "🚦", traffic_light: "🚥", dart: "🎯", trophy: "🏆", medal: "🏅",
  tada: "🎉", confetti_ball: "🎊", sparkles: "✨", star: "⭐", star2: "🌟", "100": "💯", moneybag: "💰", dollar: "💵",
  money_with_wings: "💸", bank: "🏦", office: "🏢", house: "🏠", globe_with_meridians: "🌐", earth_americas: "🌎",
  cloud: "☁️", sunny: "☀️", umbrella: "☔", snowflake: "❄️", ocean: "🌊", droplet: "💧", recycle: "♻️", coffee: "☕",
  bust_in_silhouette: "👤", busts_in_silhouette: "👥", detective: "🕵️", cop: "👮", firefighter: "🧑‍🚒", technologist: "🧑‍💻",
  heart: "❤️", green_heart: "💚", yellow_heart: "💛", blue_heart: "💙", broken_heart: "💔", smile: "😄", slightly_smiling_face: "🙂",
  simple_smile: "🙂", grin: "😁", joy: "😂", thinking_face: "🤔", sweat_smile: "😅", cry: "😢", scream: "😱", sunglasses: "😎",
  upside_down_face: "🙃", neutral_face: "😐", worried: "😟", rage: "😡", see_no_evil: "🙈", one: "1️⃣", two: "2️⃣", three: "3️⃣",
  four: "4️⃣", five: "5️⃣", six: "6️⃣", seven: "7️⃣", eight: "8️⃣", nine: "9️⃣", keycap_ten: "🔟", zero: "0️⃣",
};

export const QUICK_REACTIONS = ["eyes", "white_check_mark", "+1", "rotating_light", "tada"];

/** The character for an emoji's name, or null. A skin tone (`wave::skin-tone-3`) is ignored. */
export function emojiFor(name) {
  const plain = name.split("::")[0];
  return Object.hasOwn(NAMES, plain) ? NAMES[plain] : null;
}
