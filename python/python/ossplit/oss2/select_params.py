"""Names of what SQL selects take."""


class SelectParameters:
    """Keys of select_params."""

    AllowQuotedRecordDelimiter = "AllowQuotedRecordDelimiter"
    CommentCharacter = "CommentCharacter"
    CompressionType = "CompressionType"
    CsvHeaderInfo = "CsvHeaderInfo"
    EnablePayloadCrc = "EnablePayloadCrc"
    FieldDelimiter = "FieldDelimiter"
    Json_Type = "Json_Type"
    KeepAllColumns = "KeepAllColumns"
    LineRange = "LineRange"
    MaxSkippedRecordsAllowed = "MaxSkippedRecordsAllowed"
    OutputFieldDelimiter = "OutputFieldDelimiter"
    OutputHeader = "OutputHeader"
    OutputRawData = "OutputRawData"
    OutputRecordDelimiter = "OutputRecordDelimiter"
    OverwriteIfExists = "OverwriteIfExists"
    ParseJsonNumberAsString = "ParseJsonNumberAsString"
    QuoteCharacter = "QuoteCharacter"
    RecordDelimiter = "RecordDelimiter"
    SkipPartialDataRecord = "SkipPartialDataRecord"
    SplitRange = "SplitRange"


class SelectJsonTypes:
    """Values of Json_Type."""

    DOCUMENT = "DOCUMENT"
    LINES = "LINES"
