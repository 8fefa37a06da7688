// The page: the model's figures, the form, the call and its answer.
const MODEL = JSON.parse(document.getElementById("model").textContent);
// The function's address: the page's own, or of docs the folder; a slash behind the function's name is not needed.
const ROOT = location.origin + location.pathname.replace(/\/docs$/, "/").replace(new RegExp(`(/${MODEL.function})/$`), "$1");
const MANY_FIELDS = 12, TOP = 10;
const METRICS = {
  r2: ["R²", "share of the target's variance that is explained; 1 is best, 0 is the mean's"],
  rmse: ["RMSE", "root mean squared error, in the unit of the target"],
  mae: ["MAE", "mean absolute error, in the unit of the target"],
  median_absolute_error: ["median absolute error", "half of the errors are smaller, in the unit of the target"],
  bias: ["bias", "mean of predicted minus actual, in the unit of the target"],
  roc_auc: ["ROC AUC", "how often a row of the class gets a higher score than another; 1 is best, 0.5 is chance"],
  log_loss: ["log loss", "of the probabilities, in nats; 0 is best"],
  brier: ["Brier score", "squared error of the probabilities; 0 is best"],
  average_precision: ["average precision", "area under the precision-recall curve; 1 is best"],
  calibration_error: ["calibration error", "distance of the probabilities from observed shares; 0 is best"],
  accuracy: ["accuracy", "share of the rows whose class is right"],
  balanced_accuracy: ["balanced accuracy", "mean over the classes of the share that is found"],
  f1: ["F1", "harmonic mean of recall and precision; 1 is best"],
  recall: ["recall", "share of the class's rows that are found"],
  precision: ["precision", "share of the rows predicted to be of the class that are"],
};
const HEADLINES = ["r2", "rmse", "mae", "roc_auc", "log_loss", "balanced_accuracy", "accuracy"];
const MOST_HEADLINES = 3;
const $ = id => document.getElementById(id);
const target = MODEL.target && MODEL.target.name ? visible(String(MODEL.target.name)) : "the target";
const fields = MODEL.features.map(field);

function metricWords(name) {
  const [kind, ...label] = name.split(":");
  const [title, meaning] = Object.hasOwn(METRICS, kind) ? METRICS[kind] : [kind.replaceAll("_", " "), ""];
  return [visible(label.length ? `${title} of ${label.join(":")}` : title), meaning];
}

function showModel() {
  const {name, version} = MODEL.model;
  document.title = `${name} version ${version}`;
  $("name").replaceChildren(name, " ", element("small", {}, `version ${version}`));
  const count = MODEL.features.length;
  const about = [MODEL.classes ? `Predicts which of ${MODEL.classes.length} classes ${target} is` : `Predicts ${target}, a number,`, ` from ${count === 1 ? "1 column" : `${figure(count)} columns`}.`];
  if (MODEL.classes && MODEL.classes.length <= 10) about.push(` Classes: ${MODEL.classes.map(each => visible(spelled(each))).join(", ")}.`);
  if (MODEL.created) about.push(` Made ${MODEL.created.slice(0, 10)}`, MODEL.rows ? ` from ${figure(MODEL.rows[0])} rows, ${figure(MODEL.rows[1])} of them held out.` : ".");
  $("about").append(...about);
  const headlines = HEADLINES.filter(each => Object.hasOwn(MODEL.metrics, each)).slice(0, MOST_HEADLINES);
  for (const each of headlines) {
    const {value, low, high} = MODEL.metrics[each];
    const [title, meaning] = metricWords(each);
    const ends = low === null || high === null ? "" : ` (${figure(low)} to ${figure(high)})`;
    $("figures").append(element("li", {}, element("b", {}, figure(value)), element("span", {}, title + ends), element("span", {}, meaning)));
  }
  for (const [each, {value, low, high}] of Object.entries(MODEL.metrics)) {
    const [title, meaning] = metricWords(each);
    const cells = [value, low, high].map(number => element("td", {class: "n"}, figure(number)));
    $("metrics").append(element("tr", {}, element("th", {scope: "row"}, title), ...cells, element("td", {}, meaning)));
  }
  $("all-metrics").hidden = !Object.keys(MODEL.metrics).length;
  $("legend").textContent = count === 1 ? "Its column" : `Its ${figure(count)} columns`;
  const links = [["openapi.json", "OpenAPI document"], ["readyz", "readiness"]].map(([path, text]) => element("a", {href: `${ROOT.replace(/\/$/, "")}/${path}`}, text));
  $("footer").append(`The function ${MODEL.function} answers this page. `, links[0], " · ", links[1]);
}

function showFields() {
  $("fields").append(...fields.map(each => each.box));
  if (fields.length <= MANY_FIELDS) return;
  $("find").hidden = false;
  $("filter").addEventListener("input", () => filterFields($("filter").value));
}

function filterFields(text) {
  const wanted = text.toLowerCase();
  let shown = 0;
  for (const each of fields) {
    each.box.hidden = !each.name.toLowerCase().includes(wanted);
    shown += !each.box.hidden;
  }
  $("found").textContent = text ? `${figure(shown)} of ${figure(fields.length)} columns` : "";
}

// --- the call ---

let asking = false;

async function predict() {
  if (asking) return;
  asking = true;
  $("predict").setAttribute("aria-disabled", "true");
  for (const each of fields) each.tell("fault", "");
  const cells = `[${fields.map(each => jsonCell(each.cell())).join(",")}]`;
  const parameters = MODEL.classes && MODEL.classes.length > MOST_BARS && MODEL.probabilities ? `,"parameters":{"top":${TOP}}` : "";
  const sent = MODEL.one ? `{"instance":${cells}${parameters}}` : `{"instances":[${cells}]${parameters}}`;
  let response = null, answer = null;
  try {
    response = await fetch(ROOT, {method: "POST", headers: {"Content-Type": "application/json", Accept: "application/json"}, body: sent, cache: "no-store"});
    answer = parsed(await response.text());
  } catch {
    response = null;
  }
  asking = false;
  $("predict").removeAttribute("aria-disabled");
  if (!response) failed("The function could not be reached: the network failed, or the function does not run.");
  else if (response.ok && answer && answer.model) showAnswer(rowOf(answer));
  else showRefusal(response, answer);
}

// Bring the answer into view where it is not, as on a phone, below the form.
function look() {
  const seen = $("answer").getBoundingClientRect().top >= 0 && $("drawn").getBoundingClientRect().bottom <= innerHeight;
  if (!seen) $("answer").scrollIntoView();
}


// JSON, or null for the page of something before the function.
function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

function say(failure, ...words) {
  $("said").className = failure ? "failed" : "";
  $("said").replaceChildren(...words);
  $("before").hidden = true;
  $("drawn").replaceChildren();
}

function failed(...words) {
  say(true, ...words);
  look();
}

// The field that a JSON Pointer of the call leads to.
function fieldAt(pointer) {
  const place = (MODEL.one ? /^\/instance\/([0-9]+)$/ : /^\/instances\/0\/([0-9]+)$/).exec(pointer);
  return place ? fields[Number(place[1])] : undefined;
}

const plain = detail => detail.replace(/^row 0: /, "");

// Each problem beside its field; gives those that no field has, and the first field that has one.
function tellFields(kind, problems) {
  const rest = [];
  let first;
  for (const {detail, pointer} of problems) {
    const at = fieldAt(pointer || "") || (fields.length === 1 ? fields[0] : undefined);
    if (at) at.tell(kind, plain(detail));
    else rest.push(plain(detail));
    first = first || at;
  }
  return [rest, first];
}

function listed(details) {
  if (details.length) $("drawn").append(element("ul", {class: "told-all"}, ...details.map(detail => element("li", {}, visible(detail)))));
}

function showAnswer(row) {
  const flags = row.flagged ? `${row.flagged === 1 ? "1 value is" : `${row.flagged} values are`} unlike training, flagged beside ${row.flagged === 1 ? "its field" : "their fields"}.` : "";
  const shown = typeof row.value === "number" && !MODEL.classes ? figure(row.value, 6) : visible(spelled(row.value));
  say(false, `${target}: `, element("b", {}, element("data", {value: String(row.value), id: "prediction"}, shown)), flags);
  const [rest] = tellFields("flag", row.warnings);
  if (row.shares) $("drawn").append(...sharesTable(row, MODEL.threshold));
  else if (!MODEL.classes) {
    if (MODEL.spread) $("drawn").append(spreadFigure(row.value, MODEL.spread, target));
    if (shown !== String(row.value)) $("drawn").append(element("p", {class: "hint"}, `In full: ${row.value}`));
  }
  if (row.shares && MODEL.classes.length > row.shares.length) $("drawn").append(element("p", {class: "hint"}, `The likeliest ${row.shares.length} of ${figure(MODEL.classes.length)} classes.`));
  listed(rest);
  if (row.model.version !== MODEL.model.version) $("drawn").append(element("p", {class: "told flag"}, `Version ${row.model.version} answered; this page describes version ${MODEL.model.version}. Load it again for the new one.`));
  look();
}

function showRefusal(response, answer) {
  const problem = answer && typeof answer.detail === "string" ? answer : null;
  if (response.status === 401 || response.status === 403) {
    failed(`The call was refused (${response.status}): the function is private, and no token came with the call, or one that has expired or may not call it. ./deploy.sh open opens this page with a token of yours.`);
  } else if (response.status === 503) {
    failed(`${problem ? `${problem.detail[0].toUpperCase()}${problem.detail.slice(1)}.` : "The function is not available now (503); try again soon."}`);
  } else if (problem && Array.isArray(problem.errors)) {
    const [rest, first] = tellFields("fault", problem.errors);
    const count = problem.errors.length;
    failed(rest.length === count ? "The call was refused:" : `${count === 1 ? "1 value has" : `${count} values have`} a problem, shown beside the field.`);
    listed(rest);
    if (first) {
      if (first.box.hidden) { $("filter").value = ""; filterFields(""); }
      first.input.focus();
      first.box.scrollIntoView({block: "nearest"}); // the focus may have been there, and moves nothing then
    }
  } else {
    failed(problem ? `The call was refused (${response.status}): ${problem.detail}` : `The address answered with status ${response.status}, and not as this function does.`);
  }
}

// --- the calls of others ---

let tab = 0;

function showSnippet() {
  const address = $("address").value.trim() || ROOT;
  const [, write, advice] = CALLS[tab];
  $("snippet").textContent = write({
    address, token: $("token").checked, one: MODEL.one, model: MODEL.model.name,
    names: MODEL.features.map(column => column.name), cells: fields.map(each => each.cell()),
    ...deployedAs(address, MODEL.model.name, MODEL.function),
  });
  $("advice").textContent = advice;
  $("copied").textContent = "";
}

function choose(place, focus) {
  tab = (place + CALLS.length) % CALLS.length;
  [...$("tabs").children].forEach((button, index) => {
    button.setAttribute("aria-selected", String(index === tab));
    button.tabIndex = index === tab ? 0 : -1;
  });
  const button = $("tabs").children[tab];
  $("panel").setAttribute("aria-labelledby", button.id);
  if (focus) button.focus();
  showSnippet();
}

function showCalls() {
  $("address").value = MODEL.address || ROOT;
  $("token").checked = Boolean(MODEL.address);
  CALLS.forEach(([name], place) => {
    const button = element("button", {type: "button", role: "tab", id: `tab-${place}`, "aria-controls": "panel"}, name);
    button.addEventListener("click", () => choose(place, false));
    $("tabs").append(button);
  });
  $("tabs").addEventListener("keydown", event => {
    const moves = {ArrowRight: tab + 1, ArrowLeft: tab - 1, Home: 0, End: CALLS.length - 1};
    if (!(event.key in moves)) return;
    event.preventDefault();
    choose(moves[event.key], true);
  });
  $("address").addEventListener("input", showSnippet);
  $("token").addEventListener("change", showSnippet);
  $("copy").addEventListener("click", copy);
  choose(0, false);
}

async function copy() {
  try {
    await navigator.clipboard.writeText($("snippet").textContent);
    $("copied").textContent = "Copied.";
  } catch { // no clipboard for this page: the text is marked, and a key copies it
    getSelection().selectAllChildren($("snippet"));
    $("copied").textContent = document.execCommand("copy") ? "Copied." : "Marked; press Ctrl+C.";
  }
}

function changed() {
  $("before").hidden = !$("prediction");
  showSnippet();
}

showModel();
showFields();
for (const each of fields) each.reset();
showCalls();
$("form").addEventListener("submit", event => { event.preventDefault(); predict(); });
$("form").addEventListener("reset", event => {
  event.preventDefault();
  for (const each of fields) { each.reset(); each.tell("fault", ""); }
  changed();
});
$("form").addEventListener("input", changed);
$("form").addEventListener("change", changed);
