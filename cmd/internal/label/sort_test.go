package label

import (
	"encoding/json"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// TestState: what is in the folder is on the page.
func TestState(t *testing.T) {
	s := start(t, options{data: photos(t)})
	a := ask(t, s, "GET", "/state", "")
	var got []string
	for _, p := range a.Pictures {
		got = append(got, p.Class+"/"+p.File)
	}
	if got, want := strings.Join(got, " "), "/4.png /5.png sea/1.png sea/2.png town/1.png town/3.png"; got != want {
		t.Errorf("pictures %s, want %s", got, want)
	}
	if len(a.Classes) != 2 || a.Classes[0] != (classAnswer{"sea", 2}) || a.Unsorted != 2 || a.Folder != "photos" || strings.Join(a.Passed, " ") != "notes.txt" {
		t.Errorf("state %+v, want two classes, two pictures without one, and notes.txt passed over", a)
	}
	if again := ask(t, s, "GET", "/state?revision=1", ""); again.Pictures != nil || again.Revision != 1 {
		t.Errorf("%d pictures of the same revision, want none", len(again.Pictures))
	}
}

// TestRescan: what others do to the folder is seen.
func TestRescan(t *testing.T) {
	dir := photos(t)
	s := start(t, options{data: dir})
	if err := os.Rename(filepath.Join(dir, "sea/1.png"), filepath.Join(dir, "town/9.png")); err != nil {
		t.Fatal(err)
	}
	put(t, filepath.Join(dir, "forest/1.png"), drawn(t, 3))
	a := ask(t, s, "GET", "/state?revision=1", "")
	if len(a.Classes) != 3 || a.Classes[1].Pictures != 1 || a.Classes[2].Pictures != 3 || len(a.Pictures) != 7 {
		t.Errorf("classes %v, %d pictures, want the new folder and the file that was moved", a.Classes, len(a.Pictures))
	}
	gone := id(t, s, "sea/2.png")
	if err := os.Remove(filepath.Join(dir, "sea/2.png")); err != nil {
		t.Fatal(err)
	}
	refused(t, s, http.StatusNotFound, "not there any more", "POST", "/move", moveTo(gone, "town"))
	refused(t, s, http.StatusConflict, "nothing to undo", "POST", "/undo", "")
}

// TestMove: a picture goes where it should, a name that is taken gets a number, and
// undoing it all leaves every file as it was.
func TestMove(t *testing.T) {
	dir := photos(t)
	before := files(t, dir)
	s := start(t, options{data: dir})
	for _, m := range []struct{ file, class, want string }{
		{"sea/1.png", "town", "town/1-2.png"}, // there is a town/1.png
		{"5.png", "sea", "sea/5.png"},
		{"unsorted/4.png", "town", "town/4.png"},
		{"town/3.png", "", "unsorted/3.png"},
		{"town/1-2.png", "sea", "sea/1-2.png"},
	} {
		content := files(t, dir)[m.file]
		a := ask(t, s, "POST", "/move", moveTo(id(t, s, m.file), m.class))
		if after := files(t, dir); after[m.want] != content || len(after) != len(before) || after[m.file] != "" {
			t.Fatalf("%s to %q: files %s, want it as %s", m.file, m.class, names(after), m.want)
		}
		if a.Picture == nil || a.Picture.Class != m.class || a.Undo == "" {
			t.Errorf("%s: answer %+v, want the picture in its class, and what undo does", m.file, a)
		}
	}
	ask(t, s, "POST", "/move", moveTo(id(t, s, "sea/5.png"), "sea")) // is there already
	s.close()
	s = start(t, options{data: dir}) // the journal is on the disk
	for range 5 {
		ask(t, s, "POST", "/undo", "")
	}
	if after := files(t, dir); !maps.Equal(before, after) {
		t.Errorf("after undoing files %s, want %s with the same contents", names(after), names(before))
	}
	refused(t, s, http.StatusConflict, "nothing to undo", "POST", "/undo", "")
}

// TestUndoBesideOthers: what takes a file's old name meanwhile is not replaced.
func TestUndoBesideOthers(t *testing.T) {
	dir := photos(t)
	s := start(t, options{data: dir})
	ask(t, s, "POST", "/move", moveTo(id(t, s, "sea/1.png"), "town"))
	put(t, filepath.Join(dir, "sea/1.png"), drawn(t, 7))
	before := files(t, dir)
	ask(t, s, "POST", "/undo", "")
	after := files(t, dir)
	if after["sea/1.png"] != string(drawn(t, 7)) || after["sea/1-2.png"] != before["town/1-2.png"] || len(after) != len(before) {
		t.Errorf("files %s, want the old one beside the new one", names(after))
	}
	ask(t, s, "POST", "/move", moveTo(id(t, s, "sea/2.png"), "town"))
	if err := os.Remove(filepath.Join(dir, "town/2.png")); err != nil {
		t.Fatal(err)
	}
	refused(t, s, http.StatusInternalServerError, "town/2.png is not there any more, and cannot be put back", "POST", "/undo", "")
	refused(t, s, http.StatusConflict, "nothing to undo", "POST", "/undo", "")
}

// TestRemove: what is put aside is out of sight, and comes back.
func TestRemove(t *testing.T) {
	dir := photos(t)
	before := files(t, dir)
	s := start(t, options{data: dir})
	ask(t, s, "POST", "/remove", `{"id":"`+id(t, s, "sea/1.png")+`"}`)
	if after := files(t, dir); after[".label/removed/1.png"] != before["sea/1.png"] || len(after) != len(before) {
		t.Errorf("files %s, want sea/1.png in .label/removed", names(after))
	}
	if a := ask(t, s, "GET", "/state", ""); a.Classes[0].Pictures != 1 || len(a.Passed) != 1 {
		t.Errorf("state %+v, want one picture less and nothing of .label", a)
	}
	ask(t, s, "POST", "/undo", "")
	if after := files(t, dir); !maps.Equal(before, after) {
		t.Errorf("files %s, want %s", names(after), names(before))
	}
	id(t, s, "sea/1.png")
}

// TestJournalAfterEnd: label was ended in the middle of a move, or of its undoing.
func TestJournalAfterEnd(t *testing.T) {
	const move = `{"from":"sea/1.png","to":"town/8.png"}` + "\n"
	for _, c := range []struct {
		name, journal string
		change        func(sea, town string) error // of the two names
		undo          bool                         // there is something to undo
	}{
		{"before the move", move, func(_, _ string) error { return nil }, false},
		{"with the name taken", move, func(_, town string) error { return os.WriteFile(town, nil, 0o644) }, false},
		{"after the move", move, os.Rename, true},
		{"while undoing", move, func(sea, town string) error {
			if err := os.Rename(sea, town); err != nil {
				return err
			}
			return os.WriteFile(sea, nil, 0o644)
		}, true},
		{"in the journal", move[:20], func(_, _ string) error { return nil }, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := photos(t)
			before := files(t, dir)
			put(t, filepath.Join(dir, journalFile), []byte(c.journal))
			if err := c.change(filepath.Join(dir, "sea/1.png"), filepath.Join(dir, "town/8.png")); err != nil {
				t.Fatal(err)
			}
			s := start(t, options{data: dir})
			if undo := ask(t, s, "GET", "/state", "").Undo; (undo != "") != c.undo {
				t.Errorf("undo %q, want one: %v", undo, c.undo)
			}
			if c.undo {
				ask(t, s, "POST", "/undo", "")
			}
			if after := files(t, dir); !maps.Equal(before, after) {
				t.Errorf("files %s, want %s", names(after), names(before))
			}
			ask(t, s, "POST", "/move", moveTo(id(t, s, "sea/2.png"), "town"))
			ask(t, s, "POST", "/undo", "")
		})
	}
}

// TestHostileJournal: a folder from elsewhere may have a journal too.
func TestHostileJournal(t *testing.T) {
	for _, line := range []string{
		`{"from":"../outside.png","to":"sea/1.png"}`, `{"from":"/tmp/x.png","to":"sea/1.png"}`, `{"from":"","to":"../../x"}`, `{"from":"sea/.ssh","to":"sea/1.png"}`,
		`{"from":".git/config","to":"sea/1.png"}`, `{"from":"a/b/c.png","to":"sea/1.png"}`, `{"to":""}`, `nonsense`, `{"from":"sea\u0000","to":""}`,
	} {
		dir := photos(t)
		put(t, filepath.Join(dir, journalFile), []byte(line+"\n"))
		if s, err := newServer(options{data: dir, out: "x"}); err == nil || !strings.Contains(err.Error(), "line 1 is damaged") {
			if err == nil {
				s.close()
			}
			t.Errorf("%s: error %v, want one of line 1", line, err)
		}
	}
}

// TestClass: what a class may be called.
func TestClass(t *testing.T) {
	dir := photos(t)
	s := start(t, options{data: dir})
	for _, name := range []string{"forest", "Bäume 2", "日本", "a.b"} {
		ask(t, s, "POST", "/class", class(name))
		if info, err := os.Stat(filepath.Join(dir, name)); err != nil || !info.IsDir() {
			t.Errorf("class %q: %v, want a folder", name, err)
		}
	}
	for _, name := range []string{"", " ", " a", "..", ".", ".hidden", "a/b", `a\b`, "/tmp/x", "../x", "a\x00b", "a\nb", "dot.", "c:", "train", "Train", "unsorted", "UNSORTED", strings.Repeat("x", 65)} {
		refused(t, s, http.StatusBadRequest, "the class's name", "POST", "/class", class(name))
	}
	refused(t, s, http.StatusConflict, "already", "POST", "/class", class("Sea"))
	for _, name := range []string{"../photos", "..", "sea/..", "nowhere", ".label", ".label/removed", "unsorted"} {
		refused(t, s, http.StatusBadRequest, "no class", "POST", "/move", moveTo(id(t, s, "sea/1.png"), name))
		refused(t, s, http.StatusBadRequest, "no class", "POST", "/add?name=x.png&class="+name, string(drawn(t, 1)))
	}
	for _, body := range []string{"", "text", `{"id":7}`, `{"id":"x","path":"../x"}`, `{"id":"` + strings.Repeat("x", 1<<15) + `"}`} {
		refused(t, s, http.StatusBadRequest, "no JSON", "POST", "/move", body)
	}
	for _, id := range []string{"", "../sea/1.png", "sea/1.png", "1"} {
		refused(t, s, http.StatusNotFound, "load the page again", "POST", "/move", moveTo(id, "town"))
	}
}

func class(name string) string {
	b, _ := json.Marshal(map[string]string{"name": name})
	return string(b)
}

// TestLinks: a link that leads out of the folder is no way out of it.
func TestLinks(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("links need a privilege")
	}
	dir, outside := photos(t), t.TempDir()
	put(t, filepath.Join(outside, "secret.png"), drawn(t, 2))
	for name, to := range map[string]string{"forest": outside, "sea/secret.png": filepath.Join(outside, "secret.png")} {
		if err := os.Symlink(to, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	s := start(t, options{data: dir})
	a := ask(t, s, "GET", "/state", "")
	if len(a.Pictures) != 6 || len(a.Classes) != 2 || len(a.Passed) != 3 {
		t.Errorf("%d pictures, classes %v, passed %q, want the links passed over", len(a.Pictures), a.Classes, a.Passed)
	}
	moved := id(t, s, "sea/1.png")
	if err := os.RemoveAll(filepath.Join(dir, "town")); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(outside, filepath.Join(dir, "town")); err != nil {
		t.Fatal(err)
	}
	refused(t, s, http.StatusInternalServerError, "town", "POST", "/move", moveTo(moved, "town"))
	if got := names(files(t, outside)); got != "secret.png" {
		t.Errorf("outside are %s, want secret.png alone", got)
	}
	if files(t, dir)["sea/1.png"] == "" {
		t.Error("sea/1.png is lost")
	}
}

// TestParts: a folder with the parts of a dataset is none of classes.
func TestParts(t *testing.T) {
	dir := t.TempDir()
	put(t, filepath.Join(dir, "train/sea/1.png"), drawn(t, 1))
	for want, of := range map[string]string{"has a folder train, want the folder of the classes": dir, "no folder": filepath.Join(dir, "nowhere")} {
		if _, err := newServer(options{data: of}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %q", err, want)
		}
	}
}
