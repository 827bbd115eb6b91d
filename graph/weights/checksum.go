package weights

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"maps"
	"slices"
)

// checksumKey is the metadata's entry for the checksum of a file's content, metadataSumKey
// that for the checksum of the other metadata, for those who read no tensors.
const (
	checksumKey    = "tapenet.sha256"
	metadataSumKey = "tapenet.sha256.metadata"
)

// ErrDamaged is the error of a file whose content is not that of its checksum.
var ErrDamaged = errors.New("damaged: the content is not that of its checksum, the metadata's entry " + checksumKey +
	"; want a copy of the file as it was written, or that entry removed if somebody changed it on purpose")

// checksum is the SHA-256, in hexadecimal, of what a file holds: of its metadata in the
// order of their keys, but for the checksum itself, and of its tensors in the order of
// their names, each with type, shape and the SHA-256 of its numbers as they are in the
// file. How the header is laid out is no part of it: a program that writes the same
// content in another way may keep it.
func checksum(metadata map[string]string, infos []info, sums []sum) string {
	h := sha256.New()
	writeMetadata(h, metadata, checksumKey)
	order := make([]int, len(infos))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int { return cmp.Compare(infos[a].name, infos[b].name) })
	for _, i := range order {
		in := infos[i]
		fmt.Fprintf(h, "%q %s %d %x\n", in.name, in.dtype.name, in.shape, sums[i])
	}
	return hex.EncodeToString(h.Sum(nil))
}

// writeMetadata writes the metadata in the order of their keys, but for some of them.
func writeMetadata(h hash.Hash, metadata map[string]string, but ...string) {
	for _, key := range slices.Sorted(maps.Keys(metadata)) {
		if !slices.Contains(but, key) {
			fmt.Fprintf(h, "%q=%q\n", key, metadata[key])
		}
	}
}

// metadataSum is the SHA-256, in hexadecimal, of the metadata but for the checksums.
func metadataSum(metadata map[string]string) string {
	h := sha256.New()
	writeMetadata(h, metadata, checksumKey, metadataSumKey)
	return hex.EncodeToString(h.Sum(nil))
}

// withChecksum is f with the entries of its checksums, for which its tensors are encoded once.
func (f File) withChecksum(infos []info) (File, error) {
	sums, h := make([]sum, len(infos)), sha256.New()
	var buf []byte
	var err error
	for i, in := range infos {
		if buf, err = writeFloats(h, f.Tensors[in.name], in, buf); err != nil {
			return f, err
		}
		sums[i].take(h)
	}
	f.Metadata = maps.Clone(f.Metadata)
	if f.Metadata == nil {
		f.Metadata = map[string]string{}
	}
	f.Metadata[metadataSumKey] = metadataSum(f.Metadata)
	f.Metadata[checksumKey] = checksum(f.Metadata, infos, sums)
	return f, nil
}

// sum is the SHA-256 of a tensor's numbers, as they are in the file.
type sum [sha256.Size]byte

// take takes the sum of what a hash has seen; the hash begins anew.
func (s *sum) take(h hash.Hash) {
	h.Sum(s[:0])
	h.Reset()
}

// verify compares the content with the checksum, which it moves from the metadata to
// Checksum. A file without one is sound.
func (f *File) verify(infos []info, sums []sum) error {
	want := f.Metadata[checksumKey]
	if want == "" {
		delete(f.Metadata, metadataSumKey)
		return nil
	}
	if got := checksum(f.Metadata, infos, sums); got != want {
		return ErrDamaged
	}
	delete(f.Metadata, checksumKey)
	delete(f.Metadata, metadataSumKey)
	f.Checksum = want
	return nil
}

// verifyMetadata compares metadata with their own checksum, and takes both checksums out.
// Those without one are sound, as are those of a file whose checksum somebody has removed.
func verifyMetadata(metadata map[string]string) error {
	all, own := metadata[checksumKey], metadata[metadataSumKey]
	if all != "" && own != "" && own != metadataSum(metadata) {
		return ErrDamaged
	}
	delete(metadata, checksumKey)
	delete(metadata, metadataSumKey)
	return nil
}
