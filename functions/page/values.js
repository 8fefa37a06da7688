// Cells of the form: each is {type, text}. The text of a number is the JSON that was typed, digit for digit, so that no
// value passes through a number of this browser; that of a word is true, false or null.
const NUMBER = /^-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?$/;
const MISSING = {type: "word", text: "null"};

// A cell of a value from JSON.
function cellOf(value) {
  if (typeof value === "string") return {type: "text", text: value};
  return {type: typeof value === "number" ? "number" : "word", text: String(value)};
}

// A typed number; a text where it is none, which the function refuses with its reason.
function numberCell(typed) {
  const text = typed.trim().replace(/^\u2212/, "-").replace(/^\+/, "").replace(/^(-?)\./, "$10.").replace(/\.(?=$|[eE])/, "");
  if (text === "") return MISSING;
  return NUMBER.test(text) ? {type: "number", text} : {type: "text", text: typed};
}

// A typed level: the level that is spelled so, else a value of the type that the column's levels have.
function levelCell(typed, levels) {
  const line = text => text.replace(/[\r\n]/g, ""); // a field holds no others
  const level = levels.find(each => line(spelled(each)) === line(typed));
  if (level !== undefined) return cellOf(level);
  if (!levels.length || levels.some(each => typeof each === "string")) return {type: "text", text: typed};
  const cell = numberCell(typed);
  return cell.type === "text" && /^(true|false)$/.test(typed) ? {type: "word", text: typed} : cell;
}

function spelled(value) {
  return typeof value === "string" ? value : JSON.stringify(value);
}

// A text as a literal of JSON, Python, JavaScript and SQL alike; characters that are not seen, or that turn the direction
// of a line, are escaped.
function quoted(text) {
  return JSON.stringify(text).replace(
    /[\u007f-\u009f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202f\u2060-\u206f\ufeff\ufff9-\ufffb]/g,
    escaped,
  );
}

// A text as people read it: characters that would turn its direction, or are none to see, are spelled.
function visible(text) {
  return text.replace(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g, escaped);
}

function escaped(character) {
  return "\\u" + character.charCodeAt(0).toString(16).padStart(4, "0");
}

// The end of a range, by *isPast* rounded to its inside.
function end(value, isPast) {
  for (let digits = Math.max(4, String(Math.trunc(Math.abs(value))).length); digits < 17; digits += 1) {
    if (!isPast(Number(value.toPrecision(digits)))) return Number.isInteger(value) ? figure(value) : String(Number(value.toPrecision(digits))).replace("-", "\u2212");
  }
  return String(value).replace("-", "\u2212");
}

// A number as people read it: *digits* significant ones, all of those before the point.
function figure(value, digits = 4) {
  if (value === null || value === undefined) return "–";
  if (Number.isInteger(value) && Math.abs(value) < 1e15) return value.toLocaleString("en").replace("-", "\u2212");
  const whole = Math.abs(value) >= 10 ** digits && Math.abs(value) < 1e15;
  const text = whole ? Math.round(value).toLocaleString("en") : String(Number(value.toPrecision(digits)));
  return text.replace("-", "\u2212");
}

// An element with attributes, and children that are elements or texts: a text is never read as HTML.
function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}
