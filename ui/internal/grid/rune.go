package grid

import "unicode"

// safe returns a rune that takes exactly one column on any terminal and never joins its neighbour.
// Text from outside, such as a device's name or a driver's message, may hold anything: what is not
// known to be one column wide becomes a question mark, and so do control characters.
func (g *Grid) safe(r rune) rune {
	if r >= ' ' && r < 0x7f {
		return r
	}
	if r == '\t' {
		return ' '
	}
	if g.ascii {
		return transliterate(r)
	}
	if narrow(r) {
		return r
	}
	return '?'
}

func narrow(r rune) bool {
	switch {
	case r == 0xad:
		return false
	case r >= 0xa0 && r < 0x250, r >= 0x370 && r < 0x530:
		return unicode.IsPrint(r) && !unicode.Is(unicode.Mn, r) && !unicode.Is(unicode.Me, r)
	case r >= 0x2010 && r < 0x2028, r >= 0x2030 && r < 0x2060:
		return unicode.IsPrint(r)
	case r >= 0x2100 && r < 0x214f, r >= 0x2190 && r < 0x2300:
		return true
	case r >= 0x2500 && r < 0x25fd, r >= 0x2800 && r < 0x2900:
		return true
	default:
		return false
	}
}

func transliterate(r rune) rune {
	switch r {
	case 'µ', 'μ':
		return 'u'
	case '·', '…', '•':
		return '.'
	case '×':
		return 'x'
	case '→', '▶', '›':
		return '>'
	case '←', '◀', '‹':
		return '<'
	case '▲', '↑':
		return '^'
	case '▼', '↓':
		return 'v'
	case '●', '◆':
		return '*'
	case '○':
		return 'o'
	case '≈':
		return '~'
	case '–', '—', '‐', '‑', '─':
		return '-'
	case '│', '┊', '┆':
		return '|'
	case '█', '▇', '■':
		return '#'
	case '‘', '’':
		return '\''
	case '“', '”':
		return '"'
	case 0xa0:
		return ' '
	default:
		return '?'
	}
}
