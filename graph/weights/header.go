package weights

import (
	"errors"
	"fmt"
	"unicode/utf8"
)

// parseHeader returns the header's content. Its offsets are not checked yet.
//
// The header is read entry by entry, each checked at once: unmarshalling it
// would let the last of two equal keys win, accept null anywhere, and allocate
// a hundred times the text before the first check.
func parseHeader(text []byte) (map[string]string, []info, error) {
	if len(text) == 0 || text[0] != '{' {
		return nil, nil, fmt.Errorf("header begins with %.1q, want {", text)
	}
	if !utf8.Valid(text) {
		return nil, nil, errors.New("header is not valid UTF-8")
	}
	c := &cursor{text: text}
	meta, infos, err := c.entries()
	if err == nil {
		err = c.end()
	}
	if err != nil {
		return nil, nil, fmt.Errorf("header byte %d: %w", c.at, err)
	}
	return meta, infos, nil
}

// entries reads the outermost object.
func (c *cursor) entries() (meta map[string]string, infos []info, err error) {
	err = c.object(func(key string) (err error) {
		if key != metadataKey {
			if len(infos) == maxEntries {
				return fmt.Errorf("more than %d tensors, want at most that", maxEntries)
			}
			in, err := c.info(key)
			infos = append(infos, in)
			return err
		}
		if meta != nil {
			return errors.New(metadataKey + " appears twice, want once")
		}
		meta, err = c.metadata()
		return err
	})
	return meta, infos, err
}

// metadata reads an object of strings.
func (c *cursor) metadata() (map[string]string, error) {
	meta := map[string]string{}
	err := c.object(func(key string) error {
		if _, twice := meta[key]; twice {
			return fmt.Errorf("%s: key %.64q appears twice, want once", metadataKey, key)
		}
		if len(meta) == maxEntries {
			return fmt.Errorf("%s: more than %d entries, want at most that", metadataKey, maxEntries)
		}
		value, err := c.quoted()
		if err != nil {
			return fmt.Errorf("%s: %.64q: %w", metadataKey, key, err)
		}
		meta[key] = value
		return nil
	})
	return meta, err
}

// info reads the entry of the tensor called name.
func (c *cursor) info(name string) (info, error) {
	in := info{name: name}
	var offsets []int
	err := c.object(func(key string) (err error) {
		switch {
		case key == "dtype" && in.dtype.size == 0:
			in.dtype, err = c.dtype()
		case key == "shape" && in.shape == nil:
			in.shape, err = c.naturals(maxDims)
		case key == "data_offsets" && offsets == nil:
			offsets, err = c.naturals(2)
		default:
			err = fmt.Errorf("found key %.64q, want dtype, shape and data_offsets once each", key)
		}
		return err
	})
	if err == nil && (in.dtype.size == 0 || in.shape == nil || len(offsets) != 2 || offsets[0] > offsets[1]) {
		err = errors.New("want dtype, shape and data_offsets [begin, end]")
	}
	if err != nil {
		return info{}, fmt.Errorf("tensor %.64q: %w", name, err)
	}
	in.begin, in.end = offsets[0], offsets[1]
	return in, nil
}

// dtype reads the name of a supported type.
func (c *cursor) dtype() (dtype, error) {
	name, err := c.quoted()
	if err != nil {
		return dtype{}, err
	}
	for _, d := range dtypes {
		if d.name == name {
			return d, nil
		}
	}
	return dtype{}, fmt.Errorf("dtype %.64q, want F16, F32 or F64, or I8 with scales: convert the file first", name)
}
