/** The map's inks by theme. The ground is grey: only what has a state has a colour. */
import type { Theme } from "../lib/ui.svelte";

export interface Palette {
  land: string;
  river: string;
  foreshore: string;
  promenade: string;
  seawall: string;
  groyne: string;
  ink: string; // zone outlines and hatching
  faint: string; // fields of view, river axis
  bore: string;
  alarm: string;
  warn: string;
  active: string;
}

export const palettes: Record<Theme, Palette> = {
  dark: {
    land: "#101316",
    river: "#1c2329",
    foreshore: "#2b3034",
    promenade: "#2a3036",
    seawall: "#6b757e",
    groyne: "#59636c",
    ink: "#97a2ac",
    faint: "#8b97a2",
    bore: "#ffffff",
    alarm: "#ff5247",
    warn: "#f5a623",
    active: "#4aa3ff",
  },
  light: {
    land: "#f1f3f4",
    river: "#d9e0e5",
    foreshore: "#cfd0cb",
    promenade: "#ffffff",
    seawall: "#7d8790",
    groyne: "#949da5",
    ink: "#56616b",
    faint: "#5d6973",
    bore: "#0b0e11",
    alarm: "#d32a20",
    warn: "#b06a00",
    active: "#0a66c2",
  },
};

/** A hatch tile, drawn here so that no sprite is fetched. */
export function hatch(kind: "danger" | "keep_out" | "foreshore", colour: string, pixels: number): CanvasRenderingContext2D {
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = pixels;
  const pen = canvas.getContext("2d");
  if (pen === null) throw new Error("no 2D canvas");
  pen.strokeStyle = pen.fillStyle = colour;
  pen.lineWidth = pixels / 14;
  if (kind === "foreshore") {
    for (const [x, y] of [[0.25, 0.25], [0.75, 0.75]] as const) {
      pen.beginPath();
      pen.arc(x * pixels, y * pixels, pixels / 14, 0, 2 * Math.PI);
      pen.fill();
    }
    return pen;
  }
  // Three parallels so that the tile repeats without a seam.
  for (const shift of [-1, 0, 1]) stroke(pen, shift * pixels, pixels, shift * pixels + pixels, 0);
  if (kind === "keep_out") for (const shift of [-1, 0, 1]) stroke(pen, shift * pixels, 0, shift * pixels + pixels, pixels);
  return pen;
}

function stroke(pen: CanvasRenderingContext2D, x1: number, y1: number, x2: number, y2: number): void {
  pen.beginPath();
  pen.moveTo(x1, y1);
  pen.lineTo(x2, y2);
  pen.stroke();
}
