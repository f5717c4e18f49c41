package mutation

// values are good and bad ones of every simple type in the schemas.
var values = []string{
	"", " ", "\n\t", "x", "æøå €", "  to  ord ", "&amp;&lt;", "&#10;", "a&#9;b", "&#x20;",
	"2026-01-31", "2026-02-29", "2024-02-29", "1900-02-29", "2026-13-01", "2026-00-10", "2026-1-1", "20260101", "2026-01-01Z",
	"2026-01-01+01:00", "2026-01-01+14:00", "2026-01-01+14:01", "2026-01-01-13:59", "2026-01-01+1:00", "2026-01-01z", " 2026-01-01 ", "2026-01-01 ", "2026- 01-01",
	"0000-01-01", "0001-01-01", "-0001-01-01", "-2026-01-01", "12026-01-01", "02026-01-01", "99999999999-01-01", "+2026-01-01", "2026-04-31",
	"2026-01-01T12:00:00", "2026-01-01T24:00:00", "2026-01-01T24:00:01", "2026-01-01T25:00:00", "2026-01-01T23:59:60", "2026-01-01T23:60:00", "2026-01-01T12:00",
	"2026-01-01T12:00:00.5", "2026-01-01T12:00:00.", "2026-01-01T12:00:00.123456789012345", "2026-01-01T12:00:00Z", "2026-01-01T12:00:00+02:00", "2026-01-01T12:00:00+0200",
	"2026-01-01 12:00:00", "2026-01-01t12:00:00", "2026-02-30T12:00:00", "2026-01-01T1:00:00", "2026-01-01T12:00:00,5", "0000-01-01T00:00:00", "2026-12-31T24:00:00Z",
	"2026", "2026Z", "0000", "-2026", "12026", "226", "2026-01", "2026-13", "2026-01Z", "2026-01+02:00", "12:00:00", "24:00:00", "12:00", "25:00:00", "12:00:00Z", "--01", "--01-01", "---01",
	"0", "1", "-1", "+1", "01", "-0", "1.0", "1.", ".5", ".", "-.5", "+", "-", "1e5", "1E+05", "1e", "e5", "1e5.5", "INF", "-INF", "+INF", "NaN", "inf", "nan", " 7 ", "1 2", "1,5",
	"99999999999999999999999999", "0000000000000000000000001", "1e400", "-1e-400", "0x10", "١٢", "1_000", "3.14159265358979323846264338327950288",
	"true", "false", "TRUE", "True", "ja", " true ", "tru",
	"2.16.578.1.12.4.1.1.8279", "2..16", ".2", "2.", "2", "2.a", "2. 16", " 2.16 ", "٢.١٦", "2.16.578.1.12.4.1.1.", "1111111111111111111111111111.", "1.1.1.1.1.1.1.1.1.1.1.1.1.1.1.1.1.1.1.1.1.1.1.1.1.x",
	"tel:12345678", "tel:+47 12 34 56 78", "tel: 12", "12 34 56 78", "http://[", "http://[::1]/", "http://[::g]/", "a b", "%zz", "%", "%41", "::", ":", "1:2", "a:b", "mailto:å@example.org", "//", "///",
	"http://x:y/", "http://x:99999/", "#a#b", "#", "?", "a?b#c", "\\", "{}", "|", "^", "`", "http://example.org/a b", "urn:x:y", "[", "]", "a]b", "http:", "http:?", "-a:b", "a+b.c-d:e", "å", "(47)12", "12*34", "~", "@", "12/34", "/", "/[", "a[b",
	"AAAA", "AAA=", "AA==", "A===", "AAAAA", "AA AA", "AA  AA", "AB==", "AAB=", "AA=A", "====", "A AA=", "AA=\n=", "AA-_", " AAAA ", "AAAA=", "AAAAAA==", "Ag==", "Ag=",
	"TXT", "B64", "text/plain", " text/plain ", "SHA-1", "GZ", "NI", "UNK", "EPJ sak", "EPJ dokument", "EPJ  sak", "Cave/allergier", "Legemidler", "v1.2 2006-05-24", "v1.2  2006-05-24", "v1.1 2012-02-15", " v1.2 2006-05-24", "APPREC", "XML",
	"2.16.578.1.12.4.1.6.14.50001.0", "id1", "1id", "a:b:c",
}

// names are elements of many schemas, and some of none.
var names = []string{
	"Ukjent", "Type", "V", "Id", "Ident", "TypeId", "Patient", "MsgInfo", "Document", "RefDoc", "Content", "GenDate", "MsgId", "Status", "Comment", "Result", "Event", "Organisation",
	"HealthcareProfessional", "Address", "TeleCom", "TeleAddress", "DateOfBirth", "Kode", "Tekst", "Merknad", "x:Type", ":Type", "Type:", "a:b:c", "æ", "Signature", "TextResultValue", "IssueDate", "Base64Container",
}

// attributes are added; without a value one of values follows.
var attributes = []string{
	"V", "DN", "S", "OT", "U", "Id", "Ukjent", "MT", "kith:ENC", "kith:NULL", "m1:basiskomponenttype", ` V="1" V="2"`, `V="1"`, ` xml:lang="no"`, ` xml:space="preserve"`, ` xml:base="x"`, ` xml:id="x"`, ` xmlns:q="urn:q"`, ` xmlns:q=""`, ` xmlns:xml="urn:x"`, ` xmlns:xmlns="urn:x"`,
	` xmlns:xml="http://www.w3.org/XML/1998/namespace"`, ` xmlns:q="http://www.w3.org/XML/1998/namespace"`, ` xmlns:q="http://www.w3.org/2000/xmlns/"`, ` xmlns:q="urn:q" q:V="1"`, ` xmlns:q="http://www.kith.no/xmlstds" q:ENC="TXT"`,
	` xmlns:q="http://www.kith.no/xmlstds" q:NULL="NI"`, ` xmlns:q="http://www.kith.no/xmlstds/epj/meta/2008-02-20" q:basiskomponenttype="EPJ sak"`, ` xmlns:q="http://www.kith.no/xmlstds/epj/meta/2008-02-20" q:basiskomponenttype="x"`,
	` xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:nil="true"`, ` xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:nil="false"`, ` xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:type="x"`,
	` xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xmlns:xs="http://www.w3.org/2001/XMLSchema" xsi:type="xs:string"`, ` xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xmlns:xs="http://www.w3.org/2001/XMLSchema" xsi:type="xs:anyType"`,
	` xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xmlns:k="http://www.kith.no/xmlstds" xsi:type="k:CV"`, ` xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xmlns:k="http://www.kith.no/xmlstds" xsi:type="k:TN"`,
	` xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:schemaLocation="urn:a a.xsd"`, ` xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:schemaLocation="urn:a"`, ` xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:schemaLocation=""`,
	` xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:noNamespaceSchemaLocation="a.xsd"`, ` xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:other="a"`,
}

// spaces are namespaces of the schemas, and some of none.
var spaces = []string{
	"", "urn:nobody", "http://www.kith.no/xmlstds", "http://www.kith.no/xmlstds/felleskomponent1", "http://www.kith.no/xmlstds/msghead/2006-05-24", "http://www.kith.no/xmlstds/apprec/2004-11-21",
	"http://www.kith.no/xmlstds/apprec/2012-02-15", "http://www.kith.no/xmlstds/epikrise/2006-09-23", "http://www.kith.no/xmlstds/epikrise/2012-02-15", "http://www.kith.no/xmlstds/dialog/2006-10-11", "http://www.kith.no/xmlstds/dialog/2013-01-23",
	"http://www.kith.no/xmlstds/henvisning/2012-02-15", "http://www.kith.no/xmlstds/po/poKomponent/2009-06-30", "http://www.kith.no/xmlstds/po/poKomponent/2012-04-01", "http://www.kith.no/xmlstds/po/Pasientlogistikk/2012-04-01",
	"http://www.kith.no/xmlstds/base64container", "http://www.w3.org/2000/09/xmldsig#", "http://www.w3.org/1999/xhtml", " http://www.kith.no/xmlstds", "HTTP://www.kith.no/xmlstds",
}

// pieces are put in before, inside and behind elements.
var pieces = []string{
	" ", "\n", "\t \n", "&#32;", "&#xA0;", "tekst", "<!-- merknad -->", "<!---->", "<!-- a -- b -->", "<?pi ting?>", "<?xml version=\"1.0\"?>", "<?XML x?>", "<?a:b x?>", "<![CDATA[]]>", "<![CDATA[ ]]>", "<![CDATA[tekst]]>", "<!DOCTYPE x>", "]]>", "&amp;", "&ukjent;", "&#0;", "&#xFFFE;", "&#xD800;",
	"<Ukjent/>", "<x xmlns=\"urn:nobody\"/>", "<x xmlns=\"\"/>", "<x xmlns=\"urn:nobody\"><y/></x>", "<b xmlns=\"http://www.w3.org/1999/xhtml\">fet</b>", "<Base64Container xmlns=\"http://www.kith.no/xmlstds/base64container\">AAAA</Base64Container>",
	"<Base64Container xmlns=\"http://www.kith.no/xmlstds/base64container\">AAA</Base64Container>", "<REF xmlns=\"http://www.kith.no/xmlstds\" V=\"x\"/>", "<REF xmlns=\"http://www.kith.no/xmlstds\" U=\"x\"/>", "<REF xmlns=\"http://www.kith.no/xmlstds\"> </REF>",
	"<Notater xmlns=\"http://www.kith.no/xmlstds/epj/epj2/2008-02-20\"/>", "<DigestMethod xmlns=\"http://www.w3.org/2000/09/xmldsig#\" Algorithm=\"x\"/>", "<Object xmlns=\"http://www.w3.org/2000/09/xmldsig#\" Id=\"a\"><a><b/></a></Object>",
	"<Type V=\"1\"b=\"2\"/>", "<Type V=1/>", "<Type V/>", "<Type V=\"a<b\"/>", "<Type V=\"a>b\"/>", "</>", "<>", "< a/>", "<a / >", "\x00", "\x01", "\x7f", "\u0085", "\u2028", "\uFFFE", "\xff",
}
