package sweep

import (
	"encoding"
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

// list reads an array, which has about so many elements. null is none.
func list[T any](d *jx.Decoder, about int, element func(*jx.Decoder) (T, error)) ([]T, error) {
	if d.Next() == jx.Null {
		return nil, d.Null()
	}
	elements, err := d.ArrIter()
	if err != nil {
		return nil, err
	}
	values := make([]T, 0, about)
	for elements.Next() {
		value, err := element(d)
		if err != nil {
			return nil, fmt.Errorf("%d: %w", len(values), err)
		}
		values = append(values, value)
	}
	return values, elements.Err()
}

// optional reads a value that may be null.
func optional[T any](d *jx.Decoder, read func(*jx.Decoder) (T, error)) (*T, error) {
	if d.Next() == jx.Null {
		return nil, d.Null()
	}
	value, err := read(d)
	if err != nil {
		return nil, err
	}
	return &value, nil
}

// text reads what is written as text.
func text(d *jx.Decoder, into encoding.TextUnmarshaler) error {
	value, err := d.StrBytes()
	if err != nil {
		return err
	}
	return into.UnmarshalText(value)
}

// word reads a text of a type of its own.
func word[T ~string](d *jx.Decoder, into *T) error {
	value, err := d.Str()
	*into = T(value)
	return err
}
