// SPDX-License-Identifier: GPL-2.0-only

//! The plot: how many times as much as plain C each operation takes, and what many functions cost.

use std::path::Path;

use anyhow::Result;
use anyhow::anyhow;
use plotters::coord::Shift;
use plotters::prelude::*;

use super::results::Results;
use super::table;
use super::targets;

const SIZE: (u32, u32) = (960, 420);
const FONT: &str = "sans-serif";
const GUARDED: RGBColor = RGBColor(0xd9, 0x6c, 0x1e);
const PLAIN: RGBColor = RGBColor(0x3b, 0x6e, 0xa8);

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;

/// Writes the plot of `results` to `path`.
pub fn save(results: &Results, path: &Path) -> Result<()> {
    let area = SVGBackend::new(path, SIZE).into_drawing_area();
    draw(results, &area).map_err(|error| anyhow!("cannot plot to {}: {error}", path.display()))
}

fn draw(results: &Results, area: &Area<'_>) -> Result<(), Box<dyn std::error::Error>> {
    area.fill(&WHITE)?;
    let (left, right) = area.split_horizontally(SIZE.0 / 2);
    ratios(results, &left)?;
    many(results, &right)?;
    area.present()?;
    Ok(())
}

/// Bars: instructions of the guarded driver to those of plain C.
fn ratios(results: &Results, area: &Area<'_>) -> Result<(), Box<dyn std::error::Error>> {
    let operations: Vec<(&str, f64)> = table::OPERATIONS
        .into_iter()
        .chain(["fatal"])
        .filter_map(|operation| {
            let get = |who| {
                results
                    .figures
                    .get("endpoint", operation, "instructions", who)
            };
            Some((operation, get("guarded")? as f64 / get("plain")? as f64))
        })
        .collect();
    let most = operations
        .iter()
        .map(|(_, ratio)| *ratio)
        .fold(1.0, f64::max);
    let count = operations.len() as i32;
    let mut chart = ChartBuilder::on(area)
        .caption(
            "instructions, times those of plain C (endpoint)",
            (FONT, 15),
        )
        .margin(10)
        .x_label_area_size(30)
        .y_label_area_size(80)
        .build_cartesian_2d(0.0..most * 1.1, (0..(count - 1).max(0)).into_segmented())?;
    let name = |at: &SegmentValue<i32>| match at {
        SegmentValue::CenterOf(index) => usize::try_from(count - 1 - index)
            .ok()
            .and_then(|index| operations.get(index))
            .map_or(String::new(), |(name, _)| name.replace('_', " ")),
        _ => String::new(),
    };
    chart
        .configure_mesh()
        .disable_y_mesh()
        .light_line_style(TRANSPARENT)
        .y_labels(operations.len() + 1)
        .y_label_formatter(&name)
        .label_style((FONT, 13))
        .draw()?;
    chart.draw_series(operations.iter().enumerate().map(|(index, (_, ratio))| {
        let at = count - 1 - index as i32;
        let corners = [
            (0.0, SegmentValue::Exact(at)),
            (*ratio, SegmentValue::Exact(at + 1)),
        ];
        let mut bar = Rectangle::new(corners, GUARDED.filled());
        bar.set_margin(4, 4, 0, 0);
        bar
    }))?;
    // Where it would take no more than plain C.
    let (bottom, top) = (SegmentValue::Exact(0), SegmentValue::Exact(count));
    chart.draw_series(LineSeries::new(
        [(1.0, bottom), (1.0, top)],
        PLAIN.stroke_width(2),
    ))?;
    Ok(())
}

/// A label, its colour, its points.
type Series = (&'static str, RGBColor, Vec<(f64, f64)>);

/// Points and lines: instructions of a fatal recovery over the number of functions.
fn many(results: &Results, area: &Area<'_>) -> Result<(), Box<dyn std::error::Error>> {
    let series: Vec<Series> = [("plain", "plain C", PLAIN), ("guarded", "guarded", GUARDED)]
        .into_iter()
        .map(|(who, label, color)| {
            let points = targets::points(&results.figures, "instructions", who);
            let points = points.into_iter().map(|(x, y)| (x, y / 1e6)).collect();
            (label, color, points)
        })
        .collect();
    let all = || series.iter().flat_map(|(_, _, points)| points);
    let most = |of: fn(&(f64, f64)) -> f64| all().map(of).fold(1.0, f64::max);
    let (x_most, y_most) = (most(|point| point.0), most(|point| point.1));
    let mut chart = ChartBuilder::on(area)
        .caption("million instructions of a fatal recovery", (FONT, 15))
        .margin(10)
        .x_label_area_size(40)
        .y_label_area_size(50)
        .build_cartesian_2d(0.0..x_most * 1.05, 0.0..y_most * 1.1)?;
    chart
        .configure_mesh()
        .x_desc("functions below the port")
        .light_line_style(TRANSPARENT)
        .label_style((FONT, 13))
        .draw()?;
    for (label, color, points) in series {
        chart
            .draw_series(LineSeries::new(
                points.iter().copied(),
                color.stroke_width(2),
            ))?
            .label(label)
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 16, y)], color.stroke_width(2)));
        chart.draw_series(
            points
                .iter()
                .map(|point| Circle::new(*point, 3, color.filled())),
        )?;
    }
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::UpperLeft)
        .background_style(WHITE.mix(0.8))
        .label_font((FONT, 13))
        .draw()?;
    Ok(())
}
