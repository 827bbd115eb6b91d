package tensorboard

import (
	"encoding/binary"
	"hash/crc32"
)

// appendRecord appends a TFRecord, little-endian:
//
//	length of data  uint64
//	masked CRC32C of the length  uint32
//	data
//	masked CRC32C of data  uint32
//
// as tensorflow.org/tutorials/load_data/tfrecord describes it.
func appendRecord(b, data []byte) []byte {
	length := binary.LittleEndian.AppendUint64(nil, uint64(len(data)))
	b = append(b, length...)
	b = binary.LittleEndian.AppendUint32(b, maskedCRC(length))
	b = append(b, data...)
	return binary.LittleEndian.AppendUint32(b, maskedCRC(data))
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// maskedCRC is the CRC32C, rotated and moved by a constant, so that the CRC of
// data that hold CRCs is a good one too.
func maskedCRC(data []byte) uint32 {
	crc := crc32.Checksum(data, castagnoli)
	return (crc>>15 | crc<<17) + 0xa282ead8
}
