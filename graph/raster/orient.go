package raster

import (
	"encoding/binary"
	"image"
	"image/color"
)

// orientation is how a picture is stored, 1 to 8 as EXIF has it (CIPA DC-008-2019,
// 4.6.5): 1 as it is shown. It is 1, too, where a file says nothing or nonsense.
func orientation(file []byte) int {
	switch Kind(file) {
	case "JPEG":
		return jpegOrientation(file)
	case "PNG":
		return chunkOrientation(file, 8, binary.BigEndian, 4, "eXIf", 4)
	case "WebP":
		return chunkOrientation(file, 12, binary.LittleEndian, 0, "EXIF", 0)
	case "TIFF":
		return tiffOrientation(file)
	}
	return 1
}

// jpegOrientation looks into the segments before the scan.
func jpegOrientation(file []byte) int {
	const exif, app1 = "Exif\x00\x00", 0xe1
	for marker, content := range segments(file) {
		if marker == startOfScan {
			break
		}
		if marker == app1 && len(content) > len(exif) && string(content[:len(exif)]) == exif {
			return tiffOrientation(content[len(exif):])
		}
	}
	return 1
}

// chunkOrientation looks for a chunk among those of a file, each of which has its
// size and four letters, in any order, before its content. An odd size is padded
// where no checksum follows the content.
func chunkOrientation(file []byte, at int, order binary.ByteOrder, letters int, name string, checksum int) int {
	for at+8 <= len(file) {
		size := int(order.Uint32(file[at+4-letters:]))
		content := file[at+8:]
		if size > len(content) {
			return 1
		}
		if string(file[at+letters:][:4]) == name {
			content = content[:size]
			if len(content) > 6 && string(content[:6]) == "Exif\x00\x00" { // some writers of WebP
				content = content[6:]
			}
			return tiffOrientation(content)
		}
		at += 8 + size + checksum
		if checksum == 0 {
			at += size % 2
		}
	}
	return 1
}

// tiffOrientation is that of the first directory of TIFF data.
func tiffOrientation(b []byte) int {
	const tag, short = 0x0112, 3
	if len(b) < 8 {
		return 1
	}
	var order binary.ByteOrder = binary.LittleEndian
	if b[0] == 'M' {
		order = binary.BigEndian
	}
	first := order.Uint32(b[4:])
	if uint64(first)+2 > uint64(len(b)) {
		return 1
	}
	directory := b[first:]
	for n, entry := int(order.Uint16(directory)), directory[2:]; n > 0 && len(entry) >= 12; n, entry = n-1, entry[12:] {
		if order.Uint16(entry) != tag {
			continue
		}
		if v := order.Uint16(entry[8:]); order.Uint16(entry[2:]) == short && v >= 1 && v <= 8 {
			return int(v)
		}
		return 1
	}
	return 1
}

// turned is a stored picture as it is shown.
func turned(img image.Image, orientation int) image.Image {
	if orientation == 1 {
		return img
	}
	b := img.Bounds()
	from, shown := b.Size(), image.Rect(0, 0, b.Dx(), b.Dy())
	if orientation > 4 {
		shown = image.Rect(0, 0, b.Dy(), b.Dx())
	}
	// Each pixel that is shown comes from a place (x,y) of the stored picture.
	place := func(x, y int) (int, int) {
		if orientation > 4 {
			x, y = y, x
		}
		switch orientation {
		case 2, 3, 7, 8:
			x = from.X - 1 - x
		}
		switch orientation {
		case 3, 4, 6, 7:
			y = from.Y - 1 - y
		}
		return x, y
	}
	switch img := img.(type) {
	case *image.Gray:
		to := image.NewGray(shown)
		move(to.Pix, img.Pix[img.PixOffset(b.Min.X, b.Min.Y):], 1, img.Stride, shown.Dx(), place)
		return to
	case *image.NRGBA:
		to := image.NewNRGBA(shown)
		move(to.Pix, img.Pix[img.PixOffset(b.Min.X, b.Min.Y):], 4, img.Stride, shown.Dx(), place)
		return to
	case *image.YCbCr: // each pixel gets a colour of its own: where planes are smaller, an odd edge may have moved
		to := image.NewYCbCr(shown, image.YCbCrSubsampleRatio444)
		for i := range to.Y {
			x, y := place(i%to.YStride, i/to.YStride)
			x, y = b.Min.X+x, b.Min.Y+y
			c := img.COffset(x, y)
			to.Y[i], to.Cb[i], to.Cr[i] = img.Y[img.YOffset(x, y)], img.Cb[c], img.Cr[c]
		}
		return to
	}
	to := image.NewNRGBA64(shown)
	for y := range shown.Dy() {
		for x := range shown.Dx() {
			fromX, fromY := place(x, y)
			to.SetNRGBA64(x, y, color.NRGBA64Model.Convert(img.At(b.Min.X+fromX, b.Min.Y+fromY)).(color.NRGBA64))
		}
	}
	return to
}

// move copies pixels of so many bytes each, to rows of width w without gaps.
func move(to, from []uint8, bytes, stride, w int, place func(x, y int) (int, int)) {
	for i := range len(to) / bytes {
		x, y := place(i%w, i/w)
		copy(to[i*bytes:][:bytes], from[y*stride+x*bytes:])
	}
}
