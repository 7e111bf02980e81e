//! A workbook with one sheet, row by row (ECMA-376, SpreadsheetML). Texts are typed as texts: there is no way here to write a formula.

use std::fmt::Write as _;

use super::archive::{Archive, Failed};
use super::table::Cell;
use crate::domain::export::typed;

const TYPES: &str = r#"<?xml version="1.0" encoding="UTF-8" standalone="yes"?>
<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"><Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/><Default Extension="xml" ContentType="application/xml"/><Override PartName="/xl/workbook.xml" ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"/><Override PartName="/xl/worksheets/sheet1.xml" ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.worksheet+xml"/></Types>"#;
const ROOT: &str = r#"<?xml version="1.0" encoding="UTF-8" standalone="yes"?>
<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="rId1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument" Target="xl/workbook.xml"/></Relationships>"#;
const WORKBOOK: &str = r#"<?xml version="1.0" encoding="UTF-8" standalone="yes"?>
<workbook xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main" xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships"><sheets><sheet name="Submissions" sheetId="1" r:id="rId1"/></sheets></workbook>"#;
const RELATIONS: &str = r#"<?xml version="1.0" encoding="UTF-8" standalone="yes"?>
<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="rId1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/worksheet" Target="worksheets/sheet1.xml"/></Relationships>"#;
const BEGIN: &str = r#"<?xml version="1.0" encoding="UTF-8" standalone="yes"?>
<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>"#;
const END: &str = "</sheetData></worksheet>";

/// Digits of a number that programs for spreadsheets keep.
const DIGITS: usize = 15;

/// A workbook on its way out.
#[derive(Default)]
pub(super) struct Sheet {
    archive: Archive,
    rows: u32,
    /// What stands before the first row.
    head: Vec<u8>,
}

impl Sheet {
    pub(super) fn begin(&mut self) -> Result<(), Failed> {
        for (name, content) in [
            ("[Content_Types].xml", TYPES),
            ("_rels/.rels", ROOT),
            ("xl/workbook.xml", WORKBOOK),
            ("xl/_rels/workbook.xml.rels", RELATIONS),
            ("xl/worksheets/sheet1.xml", BEGIN),
        ] {
            self.head.extend(self.archive.begin(name)?);
            self.head.extend(self.archive.write(content.as_bytes())?);
        }
        Ok(())
    }

    /// The next row, with what was written before it and not taken.
    pub(super) fn row(&mut self, cells: &[Cell]) -> Result<Vec<u8>, Failed> {
        self.rows += 1;
        let mut xml = format!("<row r=\"{}\">", self.rows);
        for cell in cells {
            let written = match cell {
                Cell::Text(text) if text.is_empty() => write!(xml, "<c/>"),
                Cell::Number(number) if number.bytes().filter(u8::is_ascii_digit).count() <= DIGITS => {
                    write!(xml, "<c><v>{number}</v></c>")
                }
                Cell::Text(text) | Cell::Number(text) => {
                    write!(xml, "<c t=\"inlineStr\"><is><t xml:space=\"preserve\">{}</t></is></c>", typed(text))
                }
            };
            written.map_err(|_| Failed)?;
        }
        xml.push_str("</row>");
        let mut out = std::mem::take(&mut self.head);
        out.extend(self.archive.write(xml.as_bytes())?);
        Ok(out)
    }

    pub(super) fn end(mut self) -> Result<Vec<u8>, Failed> {
        let mut out = self.archive.write(END.as_bytes())?;
        out.extend(self.archive.end()?);
        Ok(out)
    }
}
