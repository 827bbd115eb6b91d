package label

import (
	"embed"
	"net/http"
	"path"
)

// The page is written by hand and served as it is.
//
//go:embed page
var pages embed.FS

// pageFiles are its files by where they are asked for.
var pageFiles = map[string]string{
	"/{$}":        "index.html",
	"/style.css":  "style.css",
	"/app.js":     "app.js",
	"/backend.js": "backend.js",
	"/sort.js":    "sort.js",
	"/gather.js":  "gather.js",
}

var contentTypes = map[string]string{
	".html": "text/html; charset=utf-8",
	".css":  "text/css; charset=utf-8",
	".js":   "text/javascript; charset=utf-8",
}

// policy lets the page load and ask nothing but this server.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; " +
	"base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// setPolicy sets what every answer has.
func setPolicy(h http.Header) {
	h.Set("Content-Security-Policy", policy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cross-Origin-Resource-Policy", "same-origin") // other pages do not show the pictures
	h.Set("Permissions-Policy", "camera=(self), microphone=()")
}

func servePage(file string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		body, err := pages.ReadFile("page/" + file)
		if err != nil {
			fail(w, err)
			return
		}
		w.Header().Set("Content-Type", contentTypes[path.Ext(file)])
		w.Header().Set("Cache-Control", "no-cache")
		w.Write(body)
	}
}
