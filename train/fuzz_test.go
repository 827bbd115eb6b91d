package train

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
)

// FuzzCheckpoint: whatever bytes a checkpoint has, its record is an error of one line, or
// one whose history is as long as what it says of its epochs and can be written.
func FuzzCheckpoint(f *testing.F) {
	dir := interruptedRun(f)
	good, err := os.ReadFile(filepath.Join(dir, CheckpointFile))
	if err != nil {
		f.Fatal(err)
	}
	file := loadFile(f, dir, CheckpointFile)
	f.Add(good, file.Metadata[stateKey], false)
	f.Add(good[:len(good)/2], "", false)
	f.Add([]byte{}, file.Metadata[stateKey], true)
	f.Add([]byte{}, `{"History":[{"epoch":1}],"Settings":{"Images":1,"Batch":1}}`, true)
	f.Fuzz(func(t *testing.T, content []byte, state string, sound bool) {
		dir := t.TempDir()
		path := filepath.Join(dir, CheckpointFile)
		if sound { // with a checksum that fits
			file.Metadata[stateKey] = state
			if file.Save(path) != nil {
				t.Skip("no file holds this") // not UTF-8
			}
		} else if err := os.WriteFile(path, content, 0o644); err != nil {
			t.Fatal(err)
		}
		r, err := ReadRecord(dir)
		if err != nil {
			checkError(t, err, "train: record: ")
			return
		}
		for i, e := range r.History {
			if e.Epoch != i+1 {
				t.Errorf("epoch %d at place %d of the history", e.Epoch, i)
			}
		}
		if _, err := json.Marshal(r); err != nil {
			t.Error(err)
		}
	})
}
