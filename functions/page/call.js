// The call of the form, and its answer or problems beside the fields.

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

