/**
 * The page to play by hand: one HTML text that speaks `/ws` as any client does.
 * It loads nothing from elsewhere, and shows texts as text.
 */

const style = `
:root{color-scheme:light dark}
*{box-sizing:border-box}
body{font:16px/1.5 system-ui,sans-serif;max-width:52rem;margin:0 auto;padding:1.5rem 1rem}
header{display:flex;gap:.5rem 1rem;align-items:baseline;flex-wrap:wrap}
h1{font-size:1.1rem;margin:0}
#task{flex-basis:100%;font-weight:600;min-height:1.5em}
#log{border:1px solid #8886;border-radius:8px;padding:.75rem 1rem;height:50vh;overflow:auto;white-space:pre-wrap;overflow-wrap:anywhere}
#log p{margin:0 0 .6rem}
.said{color:#0a6cbd}.wrong{color:#c0392b}.end{font-weight:600}
form{display:flex;gap:.5rem;margin:.75rem 0}
#line{flex:1;min-width:0;font:inherit;padding:.45rem .6rem;border:1px solid #8888;border-radius:6px}
button{font:inherit;padding:.35rem .8rem;border:1px solid #8888;border-radius:6px;cursor:pointer}
#commands{display:flex;flex-wrap:wrap;gap:.35rem;max-height:12rem;overflow:auto}
#commands button{font-size:.85rem;padding:.15rem .6rem;border-radius:999px}
#seed{width:7rem;font:inherit;padding:.3rem .5rem}
footer{margin-top:1rem;font-size:.85rem;opacity:.8}`

const script = `
const at = (id) => document.getElementById(id)
const [log, task, line, commands, seed, status] =
  ["log", "task", "line", "commands", "seed", "status"].map(at)
let steps = 0
const say = (text, kind) => {
  const p = document.createElement("p")
  p.textContent = text
  if (kind) p.className = kind
  log.append(p)
  log.scrollTop = log.scrollHeight
}
const socket = new WebSocket((location.protocol === "https:" ? "wss://" : "ws://") + location.host + "/ws")
const send = (type, data) => socket.send(JSON.stringify({ type, data }))
const start = () => {
  log.replaceChildren()
  steps = 0
  const number = seed.value.trim()
  send("reset", number === "" ? {} : { seed: Number(number) })
}
const act = (text) => {
  if (text.trim() === "") return
  say("> " + text, "said")
  steps++
  send("step", { text })
  line.value = ""
  line.focus()
}
const offer = (list) => {
  commands.replaceChildren()
  const options = at("options")
  options.replaceChildren()
  for (const text of list || []) {
    const button = document.createElement("button")
    button.type = "button"
    button.textContent = text
    button.onclick = () => act(text)
    commands.append(button)
    const option = document.createElement("option")
    option.value = text
    options.append(option)
  }
}
const show = ({ observation, reward, done }) => {
  task.textContent = observation.instruction
  say(observation.text)
  offer(observation.admissible_commands)
  status.textContent = "step " + steps + (reward === null ? "" : ", reward " + reward)
  if (done) say(observation.success ? "Done." : observation.truncated ? "Out of steps." : "Over.", "end")
  line.disabled = done
  if (!done) line.focus()
}
socket.onopen = start
socket.onmessage = ({ data }) => {
  const message = JSON.parse(data)
  if (message.type === "observation") show(message.data)
  else if (message.type === "error") say(message.data.message, "wrong")
}
socket.onclose = () => {
  line.disabled = true
  status.textContent = "The connection is closed; reload the page to play on."
}
at("form").onsubmit = (event) => { event.preventDefault(); act(line.value) }
at("again").onclick = start
fetch("/metadata").then((answer) => answer.json()).then((about) => {
  at("name").textContent = about.name
  at("about").textContent = about.description
  document.title = about.name
})`

/** The whole page. */
export const html = `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>dreamgym</title><style>${style}</style></head><body>
<header><h1 id="name">dreamgym</h1><span id="about"></span><span id="task"></span></header>
<div id="log" role="log" aria-live="polite" aria-label="What has been said"></div>
<form id="form"><input id="line" list="options" autocomplete="off" aria-label="What to do"
placeholder="What do you do?"><datalist id="options"></datalist><button>Do it</button></form>
<div id="commands" aria-label="What can be done"></div>
<footer><label>Task <input id="seed" inputmode="numeric" placeholder="next"></label>
<button id="again" type="button">New episode</button> <span id="status"></span>
&middot; <a href="/docs">protocol</a></footer>
<script>${script}</script></body></html>
`
