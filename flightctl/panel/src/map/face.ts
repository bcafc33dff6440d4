/** What the rest of the page knows of a map, whichever way it is drawn. */
import type { LatLon } from "../api/types";

export interface Projection {
  toPixel: (place: LatLon) => { x: number; y: number };
  metresPerPixel: number;
}

export interface MapFace {
  fit: (points: readonly LatLon[]) => void;
  zoomBy: (steps: number) => void;
}

export function hasWebGl2(): boolean {
  try {
    const context = document.createElement("canvas").getContext("webgl2");
    context?.getExtension("WEBGL_lose_context")?.loseContext();
    return context !== null;
  } catch {
    return false;
  }
}
