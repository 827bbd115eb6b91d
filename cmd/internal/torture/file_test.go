package torture

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"net/http"
	"os"
	"slices"
	"testing"
	"time"
)

// flipped is a copy of a file with one bit flipped.
func flipped(file []byte, random *rand.Rand) []byte {
	b := slices.Clone(file)
	b[random.IntN(len(b))] ^= 1 << random.IntN(8)
	return b
}

// slowly writes a file in the place of another as cp does: whoever reads it meanwhile sees
// a part of it.
func slowly(t *testing.T, file string, content []byte) {
	t.Helper()
	f, err := os.Create(file)
	if err != nil {
		t.Error(err)
		return
	}
	defer f.Close()
	for part := range slices.Chunk(content, len(content)/3+1) {
		if _, err := f.Write(part); err != nil {
			t.Error(err)
		}
		time.Sleep(60 * time.Millisecond)
	}
}

func remove(t *testing.T, file string) {
	t.Helper()
	if err := os.Remove(file); err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
}

// postBy sends a body by a client and returns the answer's text. An answer that is not of
// status 200 is an error.
func postBy(c *http.Client, url string, body []byte) (string, error) {
	r, err := c.Post(url, "application/octet-stream", bytes.NewReader(body))
	if err != nil {
		return "", err
	}
	defer r.Body.Close()
	text, err := io.ReadAll(r.Body)
	if err == nil && r.StatusCode != http.StatusOK {
		err = fmt.Errorf("status %d", r.StatusCode)
	}
	return string(text), err
}
