/** The keyboard: one table of keys, read by the handler and by the help page. */
import { api } from "../api/client";
import { live } from "../api/live.svelte";
import { t, type Key } from "../i18n/index.svelte";
import { acts } from "./act.svelte";
import { isOpen, servingDrone } from "./incidents";
import { ui } from "./ui.svelte";

interface Shortcut {
  keys: string;
  what: Key;
  matches: (event: KeyboardEvent) => boolean;
  act: (event: KeyboardEvent) => void;
}

export const shortcuts: readonly Shortcut[] = [
  { keys: "1 – 9", what: "help.pick", matches: (event) => /^[1-9]$/.test(event.key), act: (event) => pick(Number(event.key) - 1) },
  plain("J", "help.next", () => step(1)),
  plain("K", "help.previous", () => step(-1)),
  plain("G", "help.give", () => (ui.giveHeld = true)),
  plain("X", "help.refuse", () => onSelected((id) => acts.give(t("drop.refuse"), () => api.consent(id, false)))),
  plain("S", "help.hail", () => ui.open({ kind: "hail", incidentId: ui.selected?.id ?? null })),
  plain("B", "help.recall", recall),
  plain("L", "help.launch", () => onSelected((id) => acts.give(t("act.launch"), () => api.launch(id)))),
  plain("R", "help.reject", () => onSelected((incidentId) => ui.open({ kind: "reject", incidentId }))),
  plain("C", "help.close", () => onSelected((incidentId) => ui.open({ kind: "close", incidentId }))),
  plain("H", "help.hold", () => void (live.state?.hold === false && acts.give(t("hold.engage"), () => api.hold(true)))),
  {
    keys: "Shift+H",
    what: "help.release",
    matches: (event) => event.shiftKey && event.key.toLowerCase() === "h",
    act: () => (ui.releasingHold = live.state?.hold === true),
  },
  plain("F", "help.fit", () => ui.show("all")),
  plain("M", "help.focus", () => ui.focusSelected()),
  plain("T", "help.theme", () => ui.setTheme(ui.theme === "dark" ? "light" : "dark")),
  { keys: "?", what: "help.help", matches: (event) => event.key === "?", act: () => ui.open({ kind: "help" }) },
  { keys: "Esc", what: "help.escape", matches: (event) => event.key === "Escape", act: () => ui.escape() },
];

function plain(key: string, what: Key, act: () => unknown): Shortcut {
  return { keys: key, what, matches: (event) => !event.shiftKey && event.key.toLowerCase() === key.toLowerCase(), act };
}

function pick(index: number): void {
  const incident = live.state?.incidents[index];
  if (incident !== undefined) ui.pick(incident.id);
}

function step(by: number): void {
  const incidents = live.state?.incidents ?? [];
  if (incidents.length === 0) return;
  const at = incidents.findIndex((incident) => incident.id === ui.selected?.id);
  ui.pick(incidents[(at + by + incidents.length) % incidents.length]?.id ?? null);
}

function onSelected(act: (id: string) => unknown): void {
  if (ui.selected !== null && isOpen(ui.selected)) act(ui.selected.id);
}

function recall(): void {
  const drone = ui.selected !== null && live.state !== null ? servingDrone(ui.selected, live.state) : null;
  if (drone !== null) ui.open({ kind: "recall", droneId: drone.id });
}

/** Listens until the result is called. Keys typed into a field or with Ctrl, Alt or Meta are not ours. */
export function listen(): () => void {
  const down = (event: KeyboardEvent) => {
    if (event.ctrlKey || event.altKey || event.metaKey || event.repeat || isTyping(event.target) || ui.dialog !== null) return;
    const shortcut = shortcuts.find((candidate) => candidate.matches(event));
    if (shortcut === undefined) return;
    event.preventDefault();
    shortcut.act(event);
  };
  const up = (event: KeyboardEvent) => {
    if (event.key.toLowerCase() === "g") ui.giveHeld = false;
  };
  const away = () => (ui.giveHeld = false);
  window.addEventListener("keydown", down);
  window.addEventListener("keyup", up);
  window.addEventListener("blur", away);
  return () => {
    window.removeEventListener("keydown", down);
    window.removeEventListener("keyup", up);
    window.removeEventListener("blur", away);
  };
}

function isTyping(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && (target.isContentEditable || ["INPUT", "TEXTAREA", "SELECT"].includes(target.tagName));
}
