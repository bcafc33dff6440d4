/** Choices kept in the browser; a browser that forbids storage simply forgets them. */

const PREFIX = "chaoxun.";

export function stored<Value extends string>(key: string, allowed: readonly Value[], otherwise: Value): Value {
  try {
    const value = localStorage.getItem(PREFIX + key);
    return allowed.find((choice) => choice === value) ?? otherwise;
  } catch {
    return otherwise;
  }
}

export function store(key: string, value: string): void {
  try {
    localStorage.setItem(PREFIX + key, value);
  } catch {
    // Kept for this page only.
  }
}
