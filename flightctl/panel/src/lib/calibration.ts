/** What somebody marks to calibrate a camera, and how it is said to the service. */
import type { CalibrationOrder } from "../api/types";

export interface Mark {
  id: number;
  name: string;
  /** Shares of the still's width and height, so that another still keeps the marks. */
  u: number;
  v: number;
  /** As typed: latitude and longitude in degrees. */
  place: string;
  height: number | null;
}

export interface Sought {
  fix_position: boolean;
  fix_focal: boolean;
  distortion: number;
}

export const DATUMS = ["wgs84", "gcj02", "bd09"] as const;
export type Datum = (typeof DATUMS)[number];

/** "30.40201, 120.54210" as two numbers; null while it is something else. */
export function placeOf(text: string): { lat: number; lon: number } | null {
  const parts = text
    .trim()
    .split(/[\s,，;]+/)
    .map(Number);
  const [lat, lon] = parts;
  if (parts.length !== 2 || lat === undefined || lon === undefined) return null;
  return Number.isFinite(lat) && Number.isFinite(lon) && Math.abs(lat) <= 90 && Math.abs(lon) <= 180 ? { lat, lon } : null;
}

export function complete(mark: Mark): boolean {
  return mark.name.trim() !== "" && placeOf(mark.place) !== null && mark.height !== null && Number.isFinite(mark.height);
}

export function orderOf(marks: readonly Mark[], size: { width: number; height: number }, datum: Datum, sought: Sought): CalibrationOrder {
  return {
    width_px: size.width,
    height_px: size.height,
    points: marks.filter(complete).map((mark) => ({
      name: mark.name.trim(),
      u_px: mark.u * size.width,
      v_px: mark.v * size.height,
      ...(placeOf(mark.place) ?? { lat: 0, lon: 0 }),
      datum,
      height_amsl_m: mark.height ?? 0,
    })),
    ...sought,
  };
}
