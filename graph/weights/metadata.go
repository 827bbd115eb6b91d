package weights

import (
	"bufio"
	"fmt"

	"tapenet/graph/regular"
)

// LoadMetadata reads the metadata of the file at path and nothing behind the
// header: as fast for a large network as for a small one. It compares them with their
// own checksum, if the file has one; whether the tensors are sound remains unknown. A missing file satisfies errors.Is(err,
// fs.ErrNotExist).
func LoadMetadata(path string) (map[string]string, error) {
	r, size, err := regular.Open(path)
	if err != nil {
		return nil, fmt.Errorf("weights: %w", err)
	}
	defer r.Close()
	text, err := readHeader(bufio.NewReader(r), size)
	if err != nil {
		return nil, fmt.Errorf("weights: %s: %w", path, err)
	}
	meta, _, err := parseHeader(text)
	if err != nil {
		return nil, fmt.Errorf("weights: %s: %w", path, err)
	}
	if err := verifyMetadata(meta); err != nil {
		return nil, fmt.Errorf("weights: %s: %w", path, err)
	}
	return meta, nil
}
