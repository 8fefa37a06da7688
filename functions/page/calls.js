// The calls of others: their tabs, and the copy button.

let tab = 0;

function showSnippet() {
  const address = $("address").value.trim() || ROOT;
  const [, write, advice] = CALLS[tab];
  $("snippet").textContent = write({
    address, token: $("token").checked, one: MODEL.one, model: MODEL.model.name,
    names: MODEL.features.map(column => column.name), types: MODEL.features.map(sqlType), cells: fields.map(each => each.cell()),
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

