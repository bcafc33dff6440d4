/** Messages in the chosen language. `zh.json` and `en.json` hold the same keys; a test says when they do not. */
import type { Text } from "../api/types";
import { stored, store } from "../lib/storage";
import { plainName } from "../lib/format";
import en from "./en.json";
import zh from "./zh.json";

export type Language = "zh" | "en";
export type Key = keyof typeof zh;

const catalogues: Record<Language, Record<Key, string>> = { zh, en };

function browserLanguage(): Language {
  return navigator.language.toLowerCase().startsWith("zh") ? "zh" : "en";
}

class Locale {
  language = $state<Language>(stored("language", ["zh", "en"] as const, browserLanguage()));

  set(language: Language): void {
    this.language = language;
    store("language", language);
  }
}

export const locale = new Locale();

export function t(key: Key, values: Record<string, string | number> = {}): string {
  return catalogues[locale.language][key].replace(/\{(\w+)\}/g, (whole, name: string) => String(values[name] ?? whole));
}

/** The message `group.name`, or the bare name when the service knows a word that the catalogue does not. */
export function named(group: string, name: string): string {
  const messages: Record<string, string> = catalogues[locale.language];
  return messages[`${group}.${name}`] ?? plainName(name);
}

export function both(text: Text): string {
  return text[locale.language];
}

const MOVE = "state_";

/** A timeline step's name; a change of state is named after the state. */
export function stepName(step: string): string {
  return step.startsWith(MOVE) ? t("step.became", { state: named("state", step.slice(MOVE.length)) }) : named("step", step);
}
