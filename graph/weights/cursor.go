package weights

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
)

// cursor reads the part of JSON that a header consists of: objects, strings and
// arrays of natural numbers. Each method reads one value, with the space before
// it, and never looks further. text is valid UTF-8.
type cursor struct {
	text []byte
	at   int
}

// peek skips space and returns the next byte, or 0 at the end.
func (c *cursor) peek() byte {
	for ; c.at < len(c.text); c.at++ {
		switch b := c.text[c.at]; b {
		case ' ', '\t', '\r', '\n':
		default:
			return b
		}
	}
	return 0
}

// take reads the byte want, which is not 0.
func (c *cursor) take(want byte) error {
	if c.peek() != want {
		return c.unexpected(strconv.QuoteRune(rune(want)))
	}
	c.at++
	return nil
}

// end returns an error if anything but space follows.
func (c *cursor) end() error {
	if c.peek(); c.at < len(c.text) {
		return c.unexpected("only spaces after the last }")
	}
	return nil
}

// unexpected returns the error that the next text is not what is wanted.
func (c *cursor) unexpected(want string) error {
	c.peek()
	rest := c.text[c.at:]
	if len(rest) == 0 {
		return errors.New("header ends here, want " + want)
	}
	return fmt.Errorf("found %.20q, want %s", rest[:min(len(rest), 80)], want)
}

// list reads items with commas between them, within two brackets; each reads
// one item.
func (c *cursor) list(open, shut byte, each func() error) error {
	if err := c.take(open); err != nil {
		return err
	}
	if c.peek() == shut {
		return c.take(shut)
	}
	for {
		if err := each(); err != nil {
			return err
		}
		if c.peek() != ',' {
			return c.take(shut)
		}
		c.at++
	}
}

// object reads an object; each reads the value of a key. A key may come twice:
// each has to refuse it if it must not.
func (c *cursor) object(each func(key string) error) error {
	return c.list('{', '}', func() error {
		key, err := c.quoted()
		if err != nil {
			return err
		}
		if err := c.take(':'); err != nil {
			return err
		}
		return each(key)
	})
}

// naturals reads an array of at most limit numbers. The result is not nil.
func (c *cursor) naturals(limit int) ([]int, error) {
	list := make([]int, 0, limit)
	err := c.list('[', ']', func() error {
		if len(list) == limit {
			return fmt.Errorf("found more than %d numbers, want at most that", limit)
		}
		n, err := c.natural()
		list = append(list, n)
		return err
	})
	return list, err
}

// natural reads a number that an int can hold.
func (c *cursor) natural() (int, error) {
	c.peek()
	digits := c.text[c.at:]
	if i := bytes.IndexFunc(digits, func(r rune) bool { return r < '0' || r > '9' }); i >= 0 {
		digits = digits[:i]
	}
	if len(digits) == 0 || len(digits) > 19 || digits[0] == '0' && len(digits) > 1 {
		return 0, c.unexpected("a natural number")
	}
	n, err := strconv.ParseUint(string(digits), 10, strconv.IntSize-1)
	if err != nil {
		return 0, c.unexpected("a natural number that an int can hold")
	}
	c.at += len(digits)
	return int(n), nil
}

// quoted reads a string.
func (c *cursor) quoted() (string, error) {
	if c.peek() != '"' {
		return "", c.unexpected("a string")
	}
	plain := true
	for i := c.at + 1; i < len(c.text); i++ {
		switch b := c.text[i]; {
		case b == '"':
			s, err := unquote(c.text[c.at:i+1], plain)
			c.at = i + 1
			return s, err
		case b == '\\':
			plain = false
			i++
		case b < ' ':
			plain = false // and wrong, as unquote will find
		}
	}
	return "", c.unexpected("a string that ends")
}

// unquote returns the meaning of a quoted string; a plain one has no escapes.
func unquote(quoted []byte, plain bool) (s string, err error) {
	if plain {
		return string(quoted[1 : len(quoted)-1]), nil
	}
	if err := json.Unmarshal(quoted, &s); err != nil {
		return "", fmt.Errorf("found a bad string: %w", err)
	}
	return s, nil
}
