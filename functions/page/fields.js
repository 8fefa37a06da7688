// The fields of the form, one a column: {box, cell(), reset(), tell(kind, text), place}.
const MOST_CHOICES = 40;
const ANOTHER = "another", NOTHING = "missing";

function field(column, place) {
  const id = `column-${place}`;
  const hint = element("p", {class: "hint", id: `${id}-hint`}, hintOf(column));
  const told = element("p", {class: "told", id: `${id}-told`, hidden: ""});
  const made = column.kind === "category" ? categoryInput(column, id) : column.kind === "boolean" ? booleanInput(column, id) : textInput(column, id);
  made.input.setAttribute("aria-describedby", hint.id);
  const label = element("label", {for: id}, titleOf(column, place));
  const box = element("div", {class: "field"}, label, made.input, ...made.more, hint, told);
  function tell(kind, text) {
    told.hidden = !text;
    told.className = `told ${kind}`;
    told.textContent = visible(text);
    if (kind === "fault" && text) made.input.setAttribute("aria-invalid", "true");
    else made.input.removeAttribute("aria-invalid");
    made.input.setAttribute("aria-describedby", text ? `${told.id} ${hint.id}` : hint.id);
  }
  return {box, tell, place, name: column.name, input: made.input, cell: made.cell, reset: made.reset};
}

function titleOf(column, place) {
  return column.name.trim() ? visible(column.name) : `column ${place + 1}, named ${quoted(column.name)}`;
}

function hintOf(column) {
  const parts = [];
  if (column.kind === "category") {
    const count = (column.levels || []).length;
    parts.push(column.redact ? "a category; its levels are not shown" : count === 1 ? "a category of 1 level" : `a category of ${figure(count)} levels`);
    if (column.unknown && !column.redact) parts.push("others are answered and flagged");
  } else if (column.kind === "boolean") {
    parts.push(column.minimum === column.maximum ? `training saw ${column.minimum} only` : "true or false");
  } else if (column.kind === "time") {
    parts.push(`a date or a time; training ${column.minimum} to ${column.maximum}`);
  } else {
    parts.push(`${column.whole ? "whole numbers in training," : "training"} ${end(column.minimum, each => each < column.minimum)} to ${end(column.maximum, each => each > column.maximum)}`);
  }
  if (column.missing) parts.push("may be missing");
  if (column.redact) parts.push("never logged");
  return parts.join("; ");
}

// Numbers and times: an empty field is a missing cell.
function textInput(column, id) {
  const number = column.kind !== "time";
  const input = element("input", {
    id, type: "text", autocomplete: "off", spellcheck: "false",
    inputmode: number && column.minimum >= 0 ? "decimal" : "text",
    placeholder: column.missing ? "missing" : "",
  });
  return {
    input, more: [],
    cell: () => (number ? numberCell(input.value) : input.value.trim() ? {type: "text", text: input.value.trim()} : MISSING),
    reset() { input.value = column.example === undefined ? "" : String(column.example); },
  };
}

function choice(value, text) {
  return element("option", {value}, text);
}

function booleanInput(column, id) {
  const input = element("select", {id}, choice("true", "true"), choice("false", "false"));
  if (column.missing) input.append(choice("null", "(missing)"));
  return {input, more: [], cell: () => (input.value === "null" ? MISSING : {type: "word", text: input.value}), reset() { input.value = String(column.example); }};
}

function categoryInput(column, id) {
  const levels = column.levels || [];
  return column.redact || levels.length > MOST_CHOICES ? typedLevel(column, levels, id) : chosenLevel(column, levels, id);
}

function chosenLevel(column, levels, id) {
  const input = element("select", {id});
  levels.forEach((level, place) => input.append(choice(String(place), spelled(level) === "" ? "(empty text)" : visible(spelled(level)))));
  if (column.missing) input.append(choice(NOTHING, "(missing)"));
  if (!column.unknown) {
    return {input, more: [], cell: () => chosen(input, levels), reset() { input.value = levels.length ? "0" : NOTHING; }};
  }
  input.append(choice(ANOTHER, "(another level)"));
  const other = element("input", {type: "text", class: "other", autocomplete: "off", spellcheck: "false", hidden: ""});
  other.setAttribute("aria-label", `another level of ${titleOf(column, 0)}`);
  const show = () => { other.hidden = input.value !== ANOTHER; };
  input.addEventListener("change", show);
  return {
    input, more: [other],
    cell: () => (input.value === ANOTHER ? levelCell(other.value, levels) : chosen(input, levels)),
    reset() { input.value = levels.length ? "0" : ANOTHER; other.value = ""; show(); },
  };
}

function chosen(input, levels) {
  return input.value === NOTHING || input.value === "" ? MISSING : cellOf(levels[Number(input.value)]);
}

// Many levels: a text with suggestions, which are made when the field is entered first.
function typedLevel(column, levels, id) {
  const input = element("input", {id, type: "text", autocomplete: "off", spellcheck: "false"});
  const list = element("datalist", {id: `${id}-levels`});
  const more = [list];
  if (levels.length) {
    input.setAttribute("list", list.id);
    const suggest = () => list.append(...levels.map(level => element("option", {value: spelled(level)})));
    input.addEventListener("focus", suggest, {once: true});
  }
  const gone = element("input", {type: "checkbox", "aria-label": `missing: ${titleOf(column, 0)}`});
  if (column.missing) {
    more.push(element("label", {class: "check"}, gone, "missing"));
    gone.addEventListener("change", () => { input.disabled = gone.checked; });
    input.addEventListener("input", () => { gone.checked = false; });
  }
  return {
    input, more,
    cell: () => (gone.checked ? MISSING : levelCell(input.value, levels)),
    reset() {
      input.value = levels.length ? spelled(levels[0]) : "";
      gone.checked = Boolean(column.missing) && !levels.length;
      input.disabled = gone.checked;
    },
  };
}
