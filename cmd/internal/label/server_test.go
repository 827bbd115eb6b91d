package label

import (
	"bytes"
	"encoding/json"
	"image"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	_ "image/jpeg"

	"tapenet/graph/raster"
	"tapenet/train/data"
)

// TestForeignRequests: a page elsewhere cannot use the server, whatever it has a browser
// do.
func TestForeignRequests(t *testing.T) {
	dir := photos(t)
	before := files(t, dir)
	s := start(t, options{data: dir})
	for _, host := range []string{"evil.example", "evil.example:8090", "127.0.0.1.evil.example:8090"} {
		refused(t, s, http.StatusMisdirectedRequest, "want this server's address", "GET", "/state", "", "Host", host)
		refused(t, s, http.StatusMisdirectedRequest, "want this server's address", "POST", "/undo", "", "Host", host)
	}
	for _, host := range []string{"127.0.0.1:8090", "localhost:8090", "[::1]:8090", "127.0.0.1", "LOCALHOST", ""} {
		if w := request(s, "GET", "/state", nil, "Host", host); w.Code != http.StatusOK {
			t.Errorf("host %s: status %d, want 200", host, w.Code)
		}
	}
	for _, path := range []string{"/move", "/remove", "/undo", "/class", "/add?name=x.png&class=sea", "/guess", "/train", "/stop"} {
		for _, headers := range [][]string{
			{"Origin", "http://evil.example"}, {"Origin", "null"}, {"Origin", "http://127.0.0.1:9999"},
			{"Sec-Fetch-Site", "cross-site"}, {"Sec-Fetch-Site", "same-site"},
		} {
			refused(t, s, http.StatusForbidden, "a page of another site", "POST", path, string(drawn(t, 1)), headers...)
		}
		if w := request(s, "GET", path, nil); w.Code != http.StatusMethodNotAllowed {
			t.Errorf("GET %s: status %d, want 405", path, w.Code)
		}
	}
	if a := ask(t, s, "GET", "/state", ""); a.Training.State != idle {
		t.Errorf("training is %s, want %s", a.Training.State, idle)
	}
	if after := files(t, dir); names(before) != names(after) {
		t.Errorf("files %s, want %s", names(after), names(before))
	}
	if w := request(s, "POST", "/class", strings.NewReader(class("forest")), "Origin", "http://127.0.0.1:8090", "Sec-Fetch-Site", "same-origin"); w.Code != http.StatusOK {
		t.Errorf("the page's own request: status %d, want 200", w.Code)
	}
}

// TestPageFiles: the page comes with a policy that lets it ask nobody else, and all of
// its files are there.
func TestPageFiles(t *testing.T) {
	s := start(t, options{data: photos(t)})
	entries, err := os.ReadDir("page")
	if err != nil || len(entries) != len(pageFiles) {
		t.Fatalf("%d files, %d addresses, %v, want as many", len(entries), len(pageFiles), err)
	}
	for _, e := range entries {
		path := "/" + strings.TrimSuffix(e.Name(), "index.html")
		w := request(s, "GET", path, nil)
		h := w.Header()
		if w.Code != http.StatusOK || w.Body.Len() == 0 || h.Get("X-Content-Type-Options") != "nosniff" || h.Get("Cross-Origin-Resource-Policy") != "same-origin" {
			t.Errorf("%s: status %d, %v", path, w.Code, h)
		}
		if p := h.Get("Content-Security-Policy"); !strings.HasPrefix(p, "default-src 'none'; script-src 'self';") || strings.Contains(p, "unsafe") {
			t.Errorf("%s: policy %q", path, p)
		}
	}
}

// TestPictures: what is sent is a JPEG made of the picture, and nothing else.
func TestPictures(t *testing.T) {
	dir := photos(t)
	put(t, filepath.Join(dir, "sea/broken.png"), drawn(t, 1)[:60])
	put(t, filepath.Join(dir, "sea/page.png"), []byte("<script>alert(1)</script>"))
	s := start(t, options{data: dir})
	for _, size := range []string{"small", "small", "large"} {
		w := request(s, "GET", "/picture/"+id(t, s, "sea/1.png")+"/"+size, nil)
		img, kind, err := image.Decode(w.Body)
		if err != nil || kind != "jpeg" || img.Bounds().Dx() != 20 || w.Header().Get("Content-Type") != "image/jpeg" {
			t.Errorf("%s: %v, %s, %v, want a JPEG of the same size", size, err, kind, w.Header())
		}
	}
	for _, file := range []string{"sea/broken.png", "sea/page.png"} {
		refused(t, s, http.StatusUnsupportedMediaType, "error", "GET", "/picture/"+id(t, s, file)+"/small", "")
	}
	damaged := 0
	for _, p := range ask(t, s, "GET", "/state", "").Pictures {
		if p.Damaged != "" {
			damaged++
		}
	}
	if damaged != 2 {
		t.Errorf("%d pictures are marked as damaged, want 2", damaged)
	}
	refused(t, s, http.StatusNotFound, "size", "GET", "/picture/"+id(t, s, "sea/1.png")+"/huge", "")
	for _, path := range []string{"/picture/x/small", "/picture/..%2fnotes.txt/small", "/picture/notes.txt/large"} {
		refused(t, s, http.StatusNotFound, "not there", "GET", path, "")
	}
	for _, path := range []string{"/notes.txt", "/sea/1.png", "/page/index.html", "/.label/journal.jsonl", "/../photos/notes.txt"} {
		if w := request(s, "GET", path, nil); w.Code == http.StatusOK {
			t.Errorf("%s: status 200, want another", path)
		}
	}
}

// TestAdd: pictures come in under names that are safe, replace nothing, and can be taken
// out again.
func TestAdd(t *testing.T) {
	dir := photos(t)
	before := files(t, dir)
	s := start(t, options{data: dir})
	for _, name := range []string{"new.png", "1.png", "../../etc/passwd", `C:\a\b.PNG`, ".htaccess", "x.php", "a\x00\nb.png", "", "...", "über.jpeg"} {
		ask(t, s, "POST", "/add?class=sea&name="+escape(name), string(drawn(t, 6)))
	}
	after := files(t, dir)
	for _, want := range []string{"new.png", "1-2.png", "passwd.png", "b.png", "picture.png", "picture-2.png", "picture-3.png", "x.png", "a--b.png", "über.jpeg"} {
		if after["sea/"+want] != string(drawn(t, 6)) {
			t.Errorf("no sea/%s among %s", want, names(after))
		}
	}
	ask(t, s, "POST", "/add?class=&name=new.png", string(drawn(t, 6)))
	if files(t, dir)["unsorted/new.png"] == "" {
		t.Error("no unsorted/new.png")
	}
	if a := ask(t, s, "GET", "/state", ""); len(a.Pictures) != 6+11 {
		t.Errorf("%d pictures, want 17", len(a.Pictures))
	}
	for range 11 {
		ask(t, s, "POST", "/undo", "")
	}
	after = files(t, dir)
	for name, content := range before {
		if after[name] != content {
			t.Errorf("%s has changed", name)
		}
	}
	if n := strings.Count(names(after), removedFolder); len(after)-len(before) != n || n != 11 {
		t.Errorf("files %s, want those of before and 11 put aside", names(after))
	}
}

func escape(name string) string {
	b := new(strings.Builder)
	for _, c := range []byte(name) {
		b.WriteString("%" + string("0123456789ABCDEF"[c>>4]) + string("0123456789ABCDEF"[c&15]))
	}
	return b.String()
}

// TestAddRefused: what is no picture, or too large, is not saved.
func TestAddRefused(t *testing.T) {
	dir := photos(t)
	before := files(t, dir)
	s := start(t, options{data: dir})
	huge := bytes.Clone(drawn(t, 1)) // says that it has 2^30 pixels
	copy(huge[16:], []byte{0, 0, 0x80, 0, 0, 0, 0x80, 0})
	for _, c := range []struct {
		body   string
		status int
		text   string
	}{
		{"", http.StatusUnsupportedMediaType, "no picture"},
		{"<svg onload=alert(1)>", http.StatusUnsupportedMediaType, "SVG"},
		{"#!/bin/sh", http.StatusUnsupportedMediaType, "no picture"},
		{string(drawn(t, 1)[:70]), http.StatusUnsupportedMediaType, "damaged"},
		{string(huge), http.StatusUnsupportedMediaType, ""},
		{strings.Repeat("x", raster.MaxFile+1), http.StatusRequestEntityTooLarge, "want fewer"},
	} {
		refused(t, s, c.status, c.text, "POST", "/add?class=sea&name=x.png", c.body)
	}
	if after := files(t, dir); names(before) != names(after) {
		t.Errorf("files %s, want %s", names(after), names(before))
	}
}

// TestGuesses: each picture gets a guess, which stays with it, and those against the
// folder are marked.
func TestGuesses(t *testing.T) {
	dir, run := photos(t), filepath.Join(t.TempDir(), "run")
	saveModel(t, run, "sea", "lake")
	put(t, filepath.Join(dir, "sea/broken.png"), drawn(t, 1)[:60])
	s := start(t, options{data: dir, model: run})
	go s.guesses.work(t.Context())
	a := waitFor(t, s, func(a stateAnswer) bool { return a.Guessed == 7 })
	for _, p := range a.Pictures {
		switch {
		case p.File == "broken.png":
			if p.Damaged == "" || p.Guess != "" {
				t.Errorf("%+v, want it damaged, without a guess", p)
			}
		case p.Guess == "" || p.P < 0.5 || p.P > 1 || p.Against != (p.Class == "sea" && p.Guess == "lake"):
			t.Errorf("%+v, want a guess of two classes, of which sea is the folder's", p)
		}
	}
	moved := ask(t, s, "POST", "/move", moveTo(id(t, s, "5.png"), "sea"))
	if moved.Picture.Guess == "" || moved.Guessed != 7 {
		t.Errorf("%+v, want the guess that it had", moved)
	}
	w := request(s, "POST", "/guess", bytes.NewReader(drawn(t, 2)))
	var g guessAnswer
	if err := json.Unmarshal(w.Body.Bytes(), &g); err != nil || len(g.Probabilities) != 2 || len(g.Classes) != 2 || g.Class == "" {
		t.Errorf("guess %s, %v, want two probabilities", w.Body, err)
	}
	refused(t, s, http.StatusUnsupportedMediaType, "no picture", "POST", "/guess", "text")
	refused(t, start(t, options{data: dir}), http.StatusConflict, "no model yet", "POST", "/guess", string(drawn(t, 2)))
	if _, err := newServer(options{data: dir, model: filepath.Join(run, "nowhere")}); err == nil {
		t.Error("no error of a model that is not there")
	}
}

// waitFor asks for the state until it is as it should be.
func waitFor(t testing.TB, s *server, is func(stateAnswer) bool) (a stateAnswer) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		if a = ask(t, s, "GET", "/state", ""); is(a) {
			return a
		}
	}
	t.Fatalf("the state stays %+v", a)
	return a
}

// TestUnsortedIsNoClass: training does not see what has no class, nor what label keeps.
func TestUnsortedIsNoClass(t *testing.T) {
	dir := photos(t)
	s := start(t, options{data: dir})
	ask(t, s, "POST", "/remove", `{"id":"`+id(t, s, "sea/1.png")+`"}`)
	d, err := data.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(d.Classes, " "); got != "sea town" || d.Train.Len()+d.Test.Len() != 3 {
		t.Errorf("classes %s, %d pictures, want sea town and 3", got, d.Train.Len()+d.Test.Len())
	}
	if notes := strings.Join(d.Notes, "; "); !strings.Contains(notes, "unsorted") || strings.Contains(notes, ".label") {
		t.Errorf("notes %s, want unsorted and not .label in them", notes)
	}
}
