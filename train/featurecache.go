package train

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"

	"tapenet/graph"
	"tapenet/graph/op"
	"tapenet/graph/weights"
)

// featureKey is a hash of an image's values.
type featureKey [sha256.Size]byte

// featureCache keeps the features of one backbone in a file, a key and a row for each
// image. A nil one keeps nothing.
type featureCache struct {
	path  string
	size  int
	rows  map[featureKey][]float32
	added bool
}

// openFeatureCache reads the file in a folder that belongs to a network, its weights and
// the arithmetic of this processor; "" is no cache. A file that is damaged counts as
// empty: features can be computed again.
func openFeatureCache(dir string, m *graph.Model, w *graph.Weights, size int) (*featureCache, error) {
	if dir == "" {
		return nil, nil
	}
	hash := sha256.New()
	fmt.Fprintln(hash, m.Summary(), op.Arithmetic())
	for _, name := range w.Names() {
		fmt.Fprintln(hash, name)
		binary.Write(hash, binary.LittleEndian, w.Get(name).Float32s())
	}
	c := &featureCache{path: filepath.Join(dir, fmt.Sprintf("features-%x.bin", hash.Sum(nil)[:12])), size: size, rows: map[featureKey][]float32{}}
	b, err := os.ReadFile(c.path)
	if errors.Is(err, fs.ErrNotExist) {
		return c, nil
	}
	if err != nil {
		return nil, fmt.Errorf("train: features: %w", err)
	}
	c.read(b)
	return c, nil
}

// read takes up the rows of a file, unless its checksum is another.
func (c *featureCache) read(b []byte) {
	if len(b) < sha256.Size {
		return
	}
	content, sum := b[:len(b)-sha256.Size], b[len(b)-sha256.Size:]
	record := sha256.Size + 4*c.size
	if own := sha256.Sum256(content); !bytes.Equal(own[:], sum) || len(content)%record != 0 {
		return
	}
	for ; len(content) > 0; content = content[record:] {
		row := make([]float32, c.size)
		for i := range row {
			row[i] = math.Float32frombits(binary.LittleEndian.Uint32(content[sha256.Size+4*i:]))
		}
		c.rows[featureKey(content[:sha256.Size])] = row
	}
}

// key is that of an image.
func (c *featureCache) key(image []float32) (k featureKey) {
	if c == nil {
		return k
	}
	h := sha256.New()
	var part [4096]byte
	for values := range slices.Chunk(image, len(part)/4) {
		for i, v := range values {
			binary.LittleEndian.PutUint32(part[4*i:], math.Float32bits(v))
		}
		h.Write(part[:4*len(values)])
	}
	h.Sum(k[:0])
	return k
}

func (c *featureCache) get(k featureKey, row []float32) bool {
	if c == nil {
		return false
	}
	kept, ok := c.rows[k]
	copy(row, kept)
	return ok
}

func (c *featureCache) put(k featureKey, row []float32) {
	if c != nil {
		c.rows[k], c.added = append([]float32(nil), row...), true
	}
}

// save writes the file, if there is something new.
func (c *featureCache) save() error {
	if c == nil || !c.added {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(c.path), 0o755); err != nil {
		return fmt.Errorf("train: features: %w", err)
	}
	err := weights.WriteFile(c.path, func(w io.Writer) error {
		hash := sha256.New()
		both := io.MultiWriter(w, hash)
		for k, row := range c.rows {
			if _, err := both.Write(k[:]); err != nil {
				return err
			}
			if err := binary.Write(both, binary.LittleEndian, row); err != nil {
				return err
			}
		}
		_, err := w.Write(hash.Sum(nil))
		return err
	})
	if err != nil {
		return fmt.Errorf("train: features: %w", err)
	}
	return nil
}
