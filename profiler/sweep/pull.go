package sweep

import (
	"fmt"

	"github.com/go-faster/jx"
)

// object reads an object, field by field. An error names the fields that lead to its place.
func object(d *jx.Decoder, field func(key []byte) error) error {
	var failed error
	err := d.ObjBytes(func(_ *jx.Decoder, key []byte) error {
		if failed = field(key); failed != nil {
			failed = fmt.Errorf("%s: %w", key, failed)
		}
		return failed
	})
	if failed != nil {
		return failed
	}
	return err
}

// list reads an array behind the values that are there. null is none.
func list[T any](d *jx.Decoder, values []T, read func(*jx.Decoder, *T) error) ([]T, error) {
	if d.Next() == jx.Null {
		return nil, d.Null()
	}
	elements, err := d.ArrIter()
	if err != nil {
		return nil, err
	}
	for elements.Next() {
		var value T
		if err := read(d, &value); err != nil {
			return nil, fmt.Errorf("%d: %w", len(values), err)
		}
		values = append(values, value)
	}
	return values, elements.Err()
}

// optional reads a value that may be null.
func optional[T any](d *jx.Decoder, in *room[T], read func(*jx.Decoder, *T) error) (*T, error) {
	if d.Next() == jx.Null {
		return nil, d.Null()
	}
	value := in.next()
	return value, read(d, value)
}

// room hands out values that are allocated many at a time: the garbage collector looks at each piece of
// memory by itself, and there would be a million of them.
type room[T any] struct{ left []T }

// roomSize is how many values are allocated at a time.
const roomSize = 256

func (r *room[T]) next() *T {
	if len(r.left) == 0 {
		r.left = make([]T, roomSize)
	}
	value := &r.left[0]
	r.left = r.left[1:]
	return value
}

// words keeps the texts that come again and again once.
type words struct{ known map[string]string }

// mostWords bounds what is kept: a file may have words of its own in every point.
const mostWords = 4096

func (w *words) read(d *jx.Decoder) (string, error) {
	text, err := d.StrBytes()
	if err != nil {
		return "", err
	}
	if known, ok := w.known[string(text)]; ok {
		return known, nil
	}
	if w.known == nil {
		w.known = map[string]string{}
	}
	word := string(text)
	if len(w.known) < mostWords {
		w.known[word] = word
	}
	return word, nil
}

func (w *words) into(d *jx.Decoder, into *string) (err error) {
	*into, err = w.read(d)
	return err
}

// word reads a word of a type of its own.
func word[T ~string](d *jx.Decoder, in *words, into *T) error {
	value, err := in.read(d)
	*into = T(value)
	return err
}
