package parquet

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/encoding/thrift"
	"github.com/parquet-go/parquet-go/format"
)

// What a page may claim to unpack to: so much, and so many times its size.
const (
	mostUnpacked = 1 << 30
	mostTimes    = 1000
	someUnpacked = 1 << 20 // whatever its size
)

// checkFooter returns an error unless a file of so many bytes ends as a Parquet file does:
// with its metadata, their length and a mark.
func checkFooter(r io.ReaderAt, size int64) error {
	var end [8]byte
	if size < 12 {
		return fmt.Errorf("it has %d bytes", size)
	}
	if _, err := r.ReadAt(end[:], size-8); err != nil {
		return err
	}
	if n := int64(binary.LittleEndian.Uint32(end[:])); string(end[4:]) != "PAR1" || n > size-12 {
		return fmt.Errorf("it ends in %q", end)
	}
	return nil
}

// checkPages returns an error unless the pages of a column in a group of rows can be what
// their headers say. Who unpacks them makes room by the headers.
func (f *file) checkPages(group int, c *parquet.Column) error {
	meta := f.of.Metadata().RowGroups[group].Columns[c.Index()].MetaData
	from := meta.DataPageOffset
	if meta.DictionaryPageOffset != 0 {
		from = meta.DictionaryPageOffset
	}
	left := meta.TotalCompressedSize
	if from < 0 || left < 0 || from+left > f.of.Size() {
		return fmt.Errorf("damaged: column %s has %d bytes from %d, the file has %d", c.Name(), left, from, f.of.Size())
	}
	r := bufio.NewReader(io.NewSectionReader(f.of, from, left))
	decoder := thrift.NewDecoder(new(thrift.CompactProtocol).NewReader(r))
	for {
		if _, err := r.Peek(1); err == io.EOF {
			return nil
		}
		var h format.PageHeader
		if err := decoder.Decode(&h); err != nil {
			return fmt.Errorf("damaged: column %s: %w", c.Name(), err)
		}
		packed, unpacked := int64(h.CompressedPageSize), int64(h.UncompressedPageSize)
		if packed < 0 || packed > left || unpacked < 0 || unpacked > mostUnpacked || unpacked > max(someUnpacked, mostTimes*packed) {
			return fmt.Errorf("damaged: a page of column %s claims %d bytes that unpack to %d", c.Name(), packed, unpacked)
		}
		if _, err := r.Discard(int(packed)); err != nil {
			return fmt.Errorf("damaged: column %s: %w", c.Name(), err)
		}
	}
}
