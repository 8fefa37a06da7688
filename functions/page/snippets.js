// Calls of the function in the languages of its callers. Each takes {address, token, one, names, types, cells, model,
// service, region} and gives the text to paste; whatever stands in names and cells stays data there.
const WIDTH = 88;

// Brackets around *parts* on one line, or one part a line where they are long.
function laid(open, parts, close, indent = "", blank = "") {
  const line = `${open}${blank}${parts.join(", ")}${close}`;
  if (line.length + indent.length <= WIDTH && !line.includes("\n")) return line;
  return `${open}\n${parts.map(part => `${indent}  ${part}`).join(",\n")}\n${indent}${close}`;
}

const jsonCell = cell => (cell.type === "text" ? quoted(cell.text) : cell.text);
const PYTHON_WORDS = {true: "True", false: "False", null: "None"};
const pythonCell = cell => (cell.type === "word" ? PYTHON_WORDS[cell.text] : jsonCell(cell));

// The row as an object by name. A literal's __proto__ would set the prototype in JavaScript, and no member.
const row = (call, cellText, keyText, indent) =>
  laid("{", call.names.map((name, place) => `${keyText(name)}: ${cellText(call.cells[place])}`), "}", indent);
const scriptKey = name => (name === "__proto__" ? `[${quoted(name)}]` : quoted(name));

function body(call, cellText, keyText, indent = "") {
  const inside = row(call, cellText, keyText, `${indent}  `);
  if (call.one) return laid("{", [`${keyText("instance")}: ${inside}`], "}", indent);
  return laid("{", [`${keyText("instances")}: [${inside}]`], "}", indent);
}

const shell = text => `'${text.replaceAll("'", "'\\''")}'`;

function curl(call) {
  const token = call.token ? ' \\\n  -H "Authorization: Bearer $(gcloud auth print-identity-token)"' : "";
  return `curl ${shell(call.address)}${token} \\\n  -H 'Content-Type: application/json' \\\n  -d ${shell(body(call, jsonCell, quoted))}\n`;
}

function gcloud(call) {
  return `gcloud functions call ${call.service} --gen2 --region=${call.region} \\\n  --data=${shell(body(call, jsonCell, quoted))}\n`;
}

const pythonToken = `token = subprocess.run(
    ["gcloud", "auth", "print-identity-token"], capture_output=True, text=True, check=True
).stdout.strip()
`;

function requests(call) {
  const inside = body(call, pythonCell, quoted);
  return `${call.token ? "import subprocess\n\n" : ""}import requests

${call.token ? pythonToken : ""}answer = requests.post(
    ${quoted(call.address)},${call.token ? '\n    headers={"Authorization": f"Bearer {token}"},' : ""}
    json=${inside.replaceAll("\n", "\n    ")},
    timeout=60,
)
answer.raise_for_status()
print(answer.json())
`;
}

function pandas(call) {
  const rows = row(call, pythonCell, quoted, "");
  return `${call.token ? "import subprocess\n\n" : ""}import pandas as pd
import requests

${call.token ? pythonToken : ""}rows = pd.DataFrame([${rows}])${call.one ? "  # one row: this function takes one at a time" : ""}
sent = rows.astype(object).where(rows.notna(), None).to_dict(orient="split")
answer = requests.post(
    ${quoted(call.address)},${call.token ? '\n    headers={"Authorization": f"Bearer {token}"},' : ""}
    json={"dataframe_split": sent},
    timeout=60,
)
answer.raise_for_status()
print(rows.assign(prediction=answer.json()["predictions"]))
`;
}

function javascript(call) {
  const inside = body(call, jsonCell, scriptKey, "  ").replace(/<(?=[!/]|script)/gi, "\\u003c");
  const token = call.token ? '\n  headers: {"Content-Type": "application/json", Authorization: `Bearer ${process.env.TOKEN}`},' : '\n  headers: {"Content-Type": "application/json"},';
  return `const answer = await fetch(${quoted(call.address)}, {
  method: "POST",${token}
  body: JSON.stringify(${inside}),
});
if (!answer.ok) throw new Error(await answer.text());
console.log(await answer.json());
`;
}

// A name as deploy.sh bigquery gives it to the function in BigQuery and to its arguments, which take no other.
function identifier(text, taken = new Set()) {
  const plain = text.normalize("NFKD").replace(/[^\u0000-\u007f]/g, "").replace(/[^A-Za-z0-9_]/g, "_").slice(0, 128);
  const name = /^[A-Za-z_]/.test(plain) ? plain : `_${plain}`;
  let made = name;
  for (let number = 2; taken.has(made.toLowerCase()); number += 1) made = `${name}_${number}`;
  taken.add(made.toLowerCase());
  return `\`${made}\``;
}

// The type of the argument for a column there.
function sqlType(column) {
  if (column.kind !== "category") return {boolean: "BOOL", time: "TIMESTAMP"}[column.kind] || "FLOAT64";
  const types = new Set((column.levels || [""]).map(level => (Number.isInteger(level) ? "integer" : typeof level)));
  if (types.size === 1) return {string: "STRING", boolean: "BOOL", integer: "INT64", number: "FLOAT64"}[[...types][0]];
  return types.has("string") || types.has("boolean") ? "JSON" : "FLOAT64";
}

function sqlCell(cell, type) {
  if (cell === MISSING) return `CAST(NULL AS ${type})`;
  if (type === "JSON") return `JSON ${quoted(jsonCell(cell))}`;
  if (type === "TIMESTAMP") return `TIMESTAMP ${quoted(cell.text.replaceAll("/", "-"))}`;
  return cell.type === "word" ? cell.text.toUpperCase() : jsonCell(cell);
}

function sql(call) {
  const taken = new Set(), names = call.names.map(name => identifier(name, taken));
  const columns = names.map((name, place) => `${sqlCell(call.cells[place], call.types[place])} AS ${name}`);
  return `SELECT ${laid(`\`DATASET\`.${identifier(call.model)}(`, names, ")")} AS prediction
FROM ${laid("(SELECT", columns, ")", "", " ")}
`;
}

const CALLS = [
  ["curl", curl, "In a terminal."],
  ["gcloud", gcloud, "For a test by hand: it has a small quota. Put the function's region in, and its name where it was deployed under another."],
  ["Python", requests, "With requests (pip install requests)."],
  ["pandas", pandas, "Rows of a table, one prediction beside each (pip install pandas requests)."],
  ["JavaScript", javascript, "In Node.js as a module, or on a page of the same origin."],
  ["SQL", sql, "In BigQuery, once ./deploy.sh bigquery DATASET has made the function there. Put a table's name after FROM to predict its rows."],
];

// The name and the region of a deployed function, as far as its address tells them.
function deployedAs(address, model, functionName) {
  const unknown = {service: functionName, region: "REGION"};
  if (!URL.canParse(address)) return unknown;
  const {hostname, pathname} = new URL(address);
  const gen = hostname.match(/^([a-z]+-[a-z]+[0-9]+)-.+\.cloudfunctions\.net$/);
  const name = pathname.split("/")[1];
  if (gen && /^[\w-]+$/.test(name)) return {service: name, region: gen[1]};
  const run = hostname.match(/^([a-z][a-z0-9-]*)-[0-9]+\.([a-z]+-[a-z]+[0-9]+)\.run\.app$/);
  return run ? {service: run[1], region: run[2]} : unknown;
}
