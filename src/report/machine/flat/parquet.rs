//! Rows as a Parquet file: one column for each field, of 64-bit integers, booleans or text, and any of them may be null.

use std::io::{self, Write};
use std::mem;
use std::sync::Arc;

use parquet::basic::{LogicalType, Repetition, Type as Physical};
use parquet::column::writer::ColumnWriter;
use parquet::data_type::ByteArray;
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::types::Type;
use serde_json::Value;

use super::{Column, Row, columns};
use crate::limits;

/// A Parquet file that is being written. It can be read once [`Table::finish`] has written its footer.
pub(super) struct Table<W: Write + Send> {
    out: SerializedFileWriter<W>,
    columns: Vec<Buffer>,
    /// Rows that wait for their row group.
    waiting: usize,
    is_finished: bool,
}

/// The cells of one column that wait for their row group.
struct Buffer {
    name: String,
    cells: Cells,
    /// For each row 1, or 0 where the cell is null.
    levels: Vec<i16>,
}

enum Cells {
    Integers(Vec<i64>),
    Booleans(Vec<bool>),
    Texts(Vec<ByteArray>),
}

impl<W: Write + Send> Table<W> {
    /// Begins a file.
    ///
    /// # Errors
    /// When `out` can't be written.
    pub(super) fn begin(out: W) -> io::Result<Self> {
        let columns = columns();
        let fields = columns.iter().map(field).collect::<Result<_, _>>().map_err(unwritten)?;
        let schema = Type::group_type_builder("ssmscope").with_fields(fields).build().map_err(unwritten)?;
        let writer = concat!("ssmscope version ", env!("CARGO_PKG_VERSION")).to_owned();
        let properties = WriterProperties::builder().set_created_by(writer).build();
        let out =
            SerializedFileWriter::new(out, Arc::new(schema), Arc::new(properties)).map_err(unwritten)?;
        let columns = columns.into_iter().map(Buffer::new).collect();
        Ok(Self { out, columns, waiting: 0, is_finished: false })
    }

    /// Adds a row.
    ///
    /// # Errors
    /// When `out` can't be written.
    pub(super) fn write(&mut self, row: &Row<'_>) -> io::Result<()> {
        let row = serde_json::to_value(row)?;
        for column in &mut self.columns {
            column.push(&row[&column.name]);
        }
        self.waiting += 1;
        if self.waiting >= limits::PARQUET_ROWS { self.write_group() } else { Ok(()) }
    }

    /// Writes what waits, and the footer.
    ///
    /// # Errors
    /// When `out` can't be written.
    pub(super) fn finish(&mut self) -> io::Result<()> {
        if mem::replace(&mut self.is_finished, true) {
            return Ok(());
        }
        if self.waiting > 0 {
            self.write_group()?;
        }
        self.out.finish().map_err(unwritten)?;
        self.out.inner_mut().flush()
    }

    fn write_group(&mut self) -> io::Result<()> {
        self.waiting = 0;
        let mut group = self.out.next_row_group().map_err(unwritten)?;
        for buffer in &mut self.columns {
            let Some(mut column) = group.next_column().map_err(unwritten)? else { break };
            buffer.write(column.untyped()).map_err(unwritten)?;
            column.close().map_err(unwritten)?;
        }
        group.close().map_err(unwritten)?;
        Ok(())
    }
}

impl Buffer {
    fn new(column: Column) -> Self {
        let cells = match column.sql {
            "BIGINT" => Cells::Integers(Vec::new()),
            "BOOLEAN" => Cells::Booleans(Vec::new()),
            _ => Cells::Texts(Vec::new()),
        };
        Self { name: column.name, cells, levels: Vec::new() }
    }

    fn push(&mut self, value: &Value) {
        self.levels.push(i16::from(!value.is_null()));
        match (&mut self.cells, value) {
            (_, Value::Null) => {}
            (Cells::Integers(cells), value) => {
                let beyond = value.as_u64().map(|_| i64::MAX);
                cells.push(value.as_i64().or(beyond).unwrap_or_default());
            }
            (Cells::Booleans(cells), value) => cells.push(value.as_bool().unwrap_or_default()),
            (Cells::Texts(cells), value) => cells.push(value.as_str().unwrap_or_default().into()),
        }
    }

    /// Writes the cells as a column of a row group, and forgets them.
    fn write(&mut self, column: &mut ColumnWriter<'_>) -> Result<(), ParquetError> {
        let levels = mem::take(&mut self.levels);
        match (column, &mut self.cells) {
            (ColumnWriter::Int64ColumnWriter(column), Cells::Integers(cells)) => {
                column.write_batch(&mem::take(cells), Some(&levels), None)?;
            }
            (ColumnWriter::BoolColumnWriter(column), Cells::Booleans(cells)) => {
                column.write_batch(&mem::take(cells), Some(&levels), None)?;
            }
            (ColumnWriter::ByteArrayColumnWriter(column), Cells::Texts(cells)) => {
                column.write_batch(&mem::take(cells), Some(&levels), None)?;
            }
            _ => return Err(ParquetError::General(format!("the column {} has another type", self.name))),
        }
        Ok(())
    }
}

/// A column of the schema.
fn field(column: &Column) -> Result<Arc<Type>, ParquetError> {
    let (physical, logical) = match column.sql {
        "BIGINT" => (Physical::INT64, None),
        "BOOLEAN" => (Physical::BOOLEAN, None),
        _ => (Physical::BYTE_ARRAY, Some(LogicalType::String)),
    };
    Type::primitive_type_builder(&column.name, physical)
        .with_repetition(Repetition::OPTIONAL)
        .with_logical_type(logical)
        .build()
        .map(Arc::new)
}

/// The error of the output, where the file's format is not the reason.
fn unwritten(error: ParquetError) -> io::Error {
    match error {
        ParquetError::External(error) => match error.downcast::<io::Error>() {
            Ok(error) => *error,
            Err(error) => io::Error::other(error),
        },
        error => io::Error::other(error),
    }
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;
    use std::fs::File;

    use parquet::file::reader::{FileReader, SerializedFileReader};
    use parquet::record::Field;
    use proptest::prelude::*;

    use super::*;

    fn written(rows: &[Row<'_>]) -> SerializedFileReader<File> {
        let file = tempfile::tempfile().unwrap();
        let mut table = Table::begin(&file).unwrap();
        rows.iter().for_each(|row| table.write(row).unwrap());
        table.finish().unwrap();
        table.finish().unwrap();
        drop(table);
        SerializedFileReader::new(file).unwrap()
    }

    fn read(reader: &SerializedFileReader<File>) -> Vec<Value> {
        let value = |field: &Field| match field {
            Field::Null => Value::Null,
            Field::Bool(value) => Value::from(*value),
            Field::Long(value) => Value::from(*value),
            Field::Str(value) => Value::from(value.as_str()),
            other => panic!("{other:?}"),
        };
        let object = |row: parquet::record::Row| {
            Value::Object(row.get_column_iter().map(|(name, field)| (name.clone(), value(field))).collect())
        };
        reader.get_row_iter(None).unwrap().map(|row| object(row.unwrap())).collect()
    }

    #[test]
    fn a_table_without_rows_has_its_columns() {
        let reader = written(&[]);
        let schema = reader.metadata().file_metadata().schema();
        let names: Vec<_> = schema.get_fields().iter().map(|field| field.name().to_owned()).collect();
        assert_eq!(names, columns().into_iter().map(|column| column.name).collect::<Vec<_>>());
        assert_eq!(reader.metadata().file_metadata().num_rows(), 0);
    }

    #[test]
    fn more_rows_than_a_group_holds_begin_another() {
        let rows: Vec<_> = (0..=limits::PARQUET_ROWS as u64)
            .map(|id| Row { id: Some(id), tls_resumed: (id % 2 == 0).then_some(true), ..Row::default() })
            .collect();
        let reader = written(&rows);
        assert_eq!(reader.metadata().num_row_groups(), 2);
        let read = read(&reader);
        assert!(read.iter().enumerate().all(|(id, row)| row["id"] == id as u64));
        assert_eq!((&read[0]["tls_resumed"], &read[1]["tls_resumed"]), (&Value::from(true), &Value::Null));
    }

    #[test]
    fn what_cannot_be_written_is_an_error_of_the_output() {
        struct Full;
        impl Write for Full {
            fn write(&mut self, _: &[u8]) -> io::Result<usize> {
                Err(io::ErrorKind::StorageFull.into())
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let error = Table::begin(Full).and_then(|mut table| table.finish()).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::StorageFull);
    }

    proptest! {
        #[test]
        fn a_row_is_read_back_as_json_has_it(text: String, id: Option<u64>, days: Option<i64>, is_set: Option<bool>) {
            let row = Row {
                id: id.map(|id| id >> 1),
                certificate_days_left: days,
                tls_established: is_set,
                tls_sni: Some(Cow::Borrowed(&text)),
                ..Row::default()
            };
            let json = serde_json::to_value(&row).unwrap();
            prop_assert_eq!(read(&written(&[row])), vec![json]);
        }
    }
}
