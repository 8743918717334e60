package report

import _ "embed"

// pageStyle lays out the page; pictureStyle colours the drawings, in a page or alone.
var (
	//go:embed page.css
	pageStyle string
	//go:embed picture.css
	pictureStyle string
	//go:embed page.html
	pageText string
)
