package main

import (
	"fmt"
	"strings"
)

// Sizes of the picture, in pixels.
const (
	pictureWidth = 1080
	margin       = 12
	roomHeight   = 46
	floorHeight  = 92
	gap          = 12
)

// box is where a room stands.
type box struct{ x, y, width float64 }

func (b box) middle() float64 { return b.x + b.width/2 }

// boxes places the rooms of each floor side by side.
func boxes() map[string]box {
	at := map[string]box{}
	for f, rooms := range floors {
		width := float64(pictureWidth-2*margin-gap*(len(rooms)-1)) / float64(len(rooms))
		width = min(width, 250)
		left := (pictureWidth - width*float64(len(rooms)) - float64(gap*(len(rooms)-1))) / 2
		for i, r := range rooms {
			at[r.folder] = box{left + float64(i)*(width+gap), float64(margin + f*floorHeight), width}
		}
	}
	return at
}

// picture draws the rooms, floor by floor, and an arrow for each import that no other implies, but for those of the
// ground floor.
func picture(of map[string][]string) string {
	var b strings.Builder
	height := 2*margin + (len(floors)-1)*floorHeight + roomHeight
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" font-family="system-ui, sans-serif" text-anchor="middle">`+"\n", pictureWidth, height)
	b.WriteString("<title>The packages of bnas; an arrow is an import, always downwards</title>\n")
	fmt.Fprintf(&b, `<rect width="%d" height="%d" fill="#fff"/>`+"\n", pictureWidth, height)
	at := boxes()
	b.WriteString(`<g fill="none" stroke="#7a8899" stroke-width="1.1">` + "\n")
	arrows, ground := direct(of), map[string]bool{}
	for _, r := range floors[len(floors)-1] {
		ground[r.folder] = true
	}
	for _, rooms := range floors {
		for _, r := range rooms {
			for _, below := range arrows[r.folder] {
				if !ground[below] {
					b.WriteString(arrow(at[r.folder], at[below]))
				}
			}
		}
	}
	b.WriteString("</g>\n")
	for _, rooms := range floors {
		for _, r := range rooms {
			b.WriteString(r.draw(at[r.folder]))
		}
	}
	b.WriteString("</svg>\n")
	return b.String()
}

// arrow is a curve from the bottom of one box to the top of another.
func arrow(from, to box) string {
	x0, y0, x1, y1 := from.middle(), from.y+roomHeight, to.middle(), to.y-1
	bend := (y1 - y0) / 2
	return fmt.Sprintf(`<path d="M%.0f %.0fC%.0f %.0f %.0f %.0f %.0f %.0f"/><path d="M%.0f %.0fl-3.5 -7h7z" fill="#7a8899" stroke="none"/>`+"\n",
		x0, y0, x0, y0+bend, x1, y1-bend, x1, y1-5, x1, y1)
}

func (r room) draw(at box) string {
	fill := "#eef3f8"
	switch {
	case strings.HasPrefix(r.folder, "internal/gpusim"), strings.HasPrefix(r.folder, "tools"):
		fill = "#f4f1ea"
	case strings.HasPrefix(r.folder, "cuda"), r.folder == "kernels/gpu":
		fill = "#e9f5ea"
	}
	return fmt.Sprintf(`<g><rect x="%.1f" y="%.1f" width="%.1f" height="%d" rx="5" fill="%s" stroke="#5b6b7c"/>`+
		`<text x="%.1f" y="%.1f" font-size="13" font-weight="600" fill="#16202b">%s</text>`+
		`<text x="%.1f" y="%.1f" font-size="11.5" fill="#3c4a58">%s</text></g>`+"\n",
		at.x, at.y, at.width, roomHeight, fill, at.middle(), at.y+19, strings.TrimPrefix(r.folder, "internal/"), at.middle(), at.y+36, r.holds)
}
