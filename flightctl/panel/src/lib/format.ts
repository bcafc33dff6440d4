/** Numbers, times and places as people read them. */

/** 75 → "1:15", 3700 → "1:01:40"; the sign is kept. */
export function clockSpan(seconds: number): string {
  const total = Math.floor(Math.abs(seconds));
  const hours = Math.floor(total / 3600);
  const minutes = Math.floor((total % 3600) / 60);
  const rest = String(total % 60).padStart(2, "0");
  const body = hours > 0 ? `${hours}:${String(minutes).padStart(2, "0")}:${rest}` : `${minutes}:${rest}`;
  return seconds < 0 ? `−${body}` : body;
}

/** A step's length: "0.4 s", "12 s", "1:15". */
export function stepSpan(seconds: number): string {
  if (seconds < 9.95) return `${seconds.toFixed(1)} s`;
  if (seconds < 99.5) return `${Math.round(seconds)} s`;
  return clockSpan(seconds);
}

/** How sure a time is: "15 s", "4 min". */
export function sigmaSpan(seconds: number): string {
  return seconds < 90 ? `${Math.round(seconds)} s` : `${Math.round(seconds / 60)} min`;
}

export function round(value: number | null | undefined, digits = 0): string {
  return value == null || !Number.isFinite(value) ? "–" : value.toFixed(digits);
}

const formats = new Map<string, Intl.DateTimeFormat>();

export function timeOfDay(at: number | string, zone: string, seconds = true): string {
  const key = `${zone}|${seconds}`;
  let format = formats.get(key);
  if (format === undefined) {
    format = new Intl.DateTimeFormat("en-GB", {
      timeZone: zone,
      hour: "2-digit",
      minute: "2-digit",
      ...(seconds ? { second: "2-digit" } : {}),
    });
    formats.set(key, format);
  }
  return format.format(typeof at === "string" ? Date.parse(at) : at);
}

export function secondsBetween(from: string, to: string | number): number {
  return ((typeof to === "string" ? Date.parse(to) : to) - Date.parse(from)) / 1000;
}

export function coordinate(place: { lat: number; lon: number }): string {
  return `${place.lat.toFixed(5)}°N ${place.lon.toFixed(5)}°E`;
}

/** Lets a raw step or state name that no catalogue knows still be read. */
export function plainName(name: string): string {
  const words = name.replaceAll("_", " ");
  return words.charAt(0).toUpperCase() + words.slice(1);
}
